"""Printing narratives: prose for people, one object for programs; and the waiting, announced."""

import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from probe.cli.options import Output
from probe.cli.output import emit, say

if TYPE_CHECKING:
    from probe.analysis.followup import FollowUp
    from probe.analysis.narrative.values import Conclusion, Explained, Narrative
    from probe.model.verdict import ServiceVerdict
    from probe.schedule.runner import Progress

__all__ = ["Shown", "show_waiting", "tell"]

_WIDTH = 92
_MARK = {"fine": "fine", "failed": "failed", "odd": "odd", "open": "nothing shown"}
_LABELS = (
    ("did", "What was done"),
    ("came", "What came back"),
    ("means", "What that means"),
    ("rules_out", "What it rules out"),
    ("remains", "What stays open"),
)
_NOTICED_S = 20.0
"""A shorter wait is not worth a word."""

Shown = tuple[Callable[["Progress"], None], Callable[["FollowUp", float, float], None]]


def tell(
    subject: str,
    narratives: Sequence["Narrative"],
    services: Sequence["ServiceVerdict"],
    *,
    as_json: bool,
    verbose: bool,
) -> None:
    """Print what was found, the worst first; JSON is one array of one object."""
    ordered = sorted(narratives, key=_badness)
    if as_json:
        emit([_row(subject, ordered, services)], Output.JSON)
        return
    for line in _lines(ordered, services, verbose=verbose):
        sys.stdout.write(line + "\n")


def _badness(narrative: "Narrative") -> tuple[int, str]:
    from probe.model.verdict import State

    order = [s for s in State if s is not State.OK] + [State.OK]
    return order.index(narrative.verdict.state), narrative.endpoint


def _row(
    subject: str, narratives: Sequence["Narrative"], services: Sequence["ServiceVerdict"]
) -> dict[str, Any]:
    return {"subject": subject, "services": list(services), "endpoints": list(narratives)}


def _lines(
    narratives: Sequence["Narrative"], services: Sequence["ServiceVerdict"], *, verbose: bool
) -> Iterator[str]:
    from probe.analysis.narrative.values import Chapter

    if not narratives:
        yield "Nothing was looked at."
        return
    line = narratives[0].step(Chapter.LINE)
    if line is not None:
        yield from _step(1, line, verbose=verbose)
    chosen = _in_full(narratives, verbose=verbose)
    for narrative in narratives:
        yield ""
        yield from _told(narrative, full=narrative in chosen, verbose=verbose)
    if len(narratives) > 1:
        yield ""
        for service in services:
            yield from _wrapped(f"In all: {service.sentence}")


def _in_full(narratives: Sequence["Narrative"], *, verbose: bool) -> Sequence["Narrative"]:
    """Return those that are told step by step: what does not plainly work, or else the first."""
    odd = [n for n in narratives if n.verdict.state != "ok" or n.verdict.mechanism != "none"]
    return narratives if verbose else odd or narratives[:1]


def _told(narrative: "Narrative", *, full: bool, verbose: bool) -> Iterator[str]:
    from probe.analysis.narrative.values import Chapter

    kind = narrative.endpoint.split("/")[1]
    title = f"{narrative.name}: {narrative.host} ({kind})"
    yield title
    yield "=" * len(title)
    if not full:
        yield from _wrapped(f"{narrative.conclusion.headline} {narrative.conclusion.sentence}")
        return
    rest = [s for s in narrative.steps if s.chapter is not Chapter.LINE]
    for number, step in enumerate(rest, start=2):
        yield from _step(number, step, verbose=verbose)
    yield from _end(narrative.conclusion, verbose=verbose)


def _step(number: int, step: "Explained", *, verbose: bool) -> Iterator[str]:
    yield f"{number}. {step.title}: {_MARK[step.finding]}"
    for field, label in _LABELS:
        text = getattr(step, field)
        if text is not None:
            yield from _wrapped(f"{label}: {text}", indent=3)
    if verbose:
        yield from (line for detail in step.details for line in _wrapped(f"| {detail}", indent=3))


def _end(end: "Conclusion", *, verbose: bool) -> Iterator[str]:
    yield ""
    yield from _wrapped(f"In short: {end.headline} {end.sentence}")
    yield from _wrapped(f"How sure: {end.sure}")
    if end.why_not_surer:
        yield from _wrapped(f"Why not surer: {'; '.join(end.why_not_surer)}.")
    if end.fooled_by:
        yield from _wrapped(f"What could fool this: {end.fooled_by}")
    if end.next_steps:
        yield "What you can do next:"
    for step in end.next_steps:
        yield from _wrapped(f"- {step}", indent=2)
    if verbose:
        yield from (line for detail in end.details for line in _wrapped(f"| {detail}", indent=3))


def _wrapped(text: str, indent: int = 0) -> Iterator[str]:
    """Yield lines of a fair width, without a control character: a stranger may have written it."""
    safe = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    space = " " * indent
    yield from textwrap.wrap(
        safe,
        _WIDTH,
        initial_indent=space,
        subsequent_indent=space + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


@contextmanager
def show_waiting(*, virtual: bool) -> Iterator[Shown]:
    """Yield what a round tells its progress and its waiting to.

    On a terminal a wait is a bar that says how long; elsewhere it is one line. No target is
    named. In a lab time is ``virtual``: there is nothing to sit through.
    """
    from probe.cli.results import show_progress

    if sys.stderr.isatty() and not virtual:
        with _bar() as shown:
            yield shown
        return
    longest = 0.0

    def waiting(wanted: "FollowUp", due_s: float, last_s: float) -> None:
        nonlocal longest
        if due_s >= _NOTICED_S and last_s > longest:
            longest = last_s
            say(_announced(wanted, last_s) + (" (no time passes in the lab)" if virtual else ""))

    with show_progress() as progress:
        yield progress, waiting


def _announced(wanted: "FollowUp", last_s: float) -> str:
    from probe.analysis.narrative.phrases import minutes

    return (
        f"it failed: the next look ({_NAMES.get(wanted.variant, 'another look')}) has to wait, "
        "since some networks keep cutting for minutes after the first try; all looks take about "
        f"{minutes(last_s)}, --quick leaves these out"
    )


_NAMES = {
    "retest": "the same again",
    "doh": "by an encrypted resolver",
    "neutral_sni": "with a neutral name",
    "comparison": "the same in another form",
    "connect": "a connection in which nothing is said",
    "other_address": "at another address",
}


@contextmanager
def _bar() -> Iterator[Shown]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from probe.analysis.narrative.phrases import minutes

    console = Console(stderr=True)
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bar:
        task = bar.add_task("looking at this line", total=None)
        longest = 0.0

        def progress(seen: "Progress") -> None:
            names = {"line": "looking at this line", "targets": "measuring"}
            bar.update(task, description=names.get(seen.phase, "looking at this line again"))

        def waiting(wanted: "FollowUp", due_s: float, last_s: float) -> None:
            nonlocal longest
            if due_s >= _NOTICED_S and last_s > longest:
                longest = last_s
                bar.console.print(_announced(wanted, last_s), highlight=False, markup=False)
            bar.update(
                task,
                description=f"waiting {minutes(due_s)} of about {minutes(last_s)}",
            )

        yield progress, waiting
