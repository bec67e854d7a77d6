"""How a round is shown: a table for people, rows for programs, and an exit code for scripts."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from probe.cli.options import Output
from probe.cli.output import emit, say

if TYPE_CHECKING:
    from probe.model.target import Catalog
    from probe.model.verdict import ServiceVerdict, Verdict
    from probe.schedule.runner import Progress, RoundResult

__all__ = ["INTERRUPTED", "always_json", "exit_code_of", "show_progress", "show_result"]

INTERRUPTED = 130
_OK, _INTERFERENCE, _UNCLEAR = 0, 1, 3
_EVERY = 10  # endpoints between two plain lines of progress

_COLUMNS = ("service", "state", "who", "how", "confidence", "detail")
_CSV = ("service", "state", "mechanism", "locus", "confidence", "reason", "rule_id", "sentence")

_PHASES = {
    "line": "looking at this line",
    "targets": "measuring",
    "goodput": "timing transfers",
    "closing": "looking at this line again",
}


@contextmanager
def always_json(output: Output) -> Iterator[Callable[[], None]]:
    """Print an empty array when the block fails before it calls what is yielded.

    It is called right before something is printed, so that JSON is valid on every ending.
    """
    begun: list[bool] = []
    try:
        yield lambda: begun.append(True)
    finally:
        if output is Output.JSON and not begun:
            emit([], output)


def exit_code_of(result: "RoundResult") -> int:
    """Return 130 interrupted, 1 interference, 3 offline or inconclusive only, else 0.

    Weak signs are no interference: they never make a headline, nor an alarm.
    """
    from probe.model.verdict import State

    if result.interrupted:
        return INTERRUPTED
    if any(record.verdict.headline for record in result.records):
        return _INTERFERENCE
    if result.context.invalid is not None:
        return _UNCLEAR
    clear = [s for s in result.services if s.verdict.state in (State.OK, State.DOWN)]
    return _OK if clear else _UNCLEAR


def show_result(
    result: "RoundResult", catalog: "Catalog", output: Output, *, timed: bool = False
) -> None:
    """Print the services on stdout, and what there is to know about the round on stderr.

    ``timed``: transfers were asked for.
    """
    if output is Output.TABLE:
        emit(_table(result, catalog), output, _COLUMNS)
        _show_timed(result, catalog, asked=timed)
    else:
        emit(_rows(result, catalog), output, _CSV if output is Output.CSV else ())
    for gate in result.context.gates:
        say(f"The line: {gate.detail or gate.id}.")
    for line in _summary(result):
        say(line)


def _show_timed(result: "RoundResult", catalog: "Catalog", *, asked: bool) -> None:
    from probe.cli.timed import NOTHING_TIMED, TIMED_COLUMNS, timed_rows

    rows = list(timed_rows(result, catalog))
    if rows:
        emit(rows, Output.TABLE, TIMED_COLUMNS)
        say("One round of transfers says little: what counts is a series of them.")
    elif asked and result.context.invalid is None:
        say(NOTHING_TIMED)


def _summary(result: "RoundResult") -> Iterator[str]:
    """Yield what was left out and why, what it cost, and what went wrong."""
    from collections import Counter

    from probe.model.measurement import Outcome

    mains = [record.main for record in result.records]
    measured = sum(m.outcome is Outcome.MEASURED for m in mains)
    yield (
        f"{measured} of {len(mains)} endpoints measured in {result.seconds:.0f} s,"
        f" {result.bytes / 1e6:.2f} MB on the wire."
    )
    left = Counter(m.reason or str(m.outcome) for m in mains if m.outcome is not Outcome.MEASURED)
    for reason, count in left.most_common():
        yield f"Not measured, {count}: {reason}."
    for problem in result.problems:
        yield f"A bug of ours, please report it: {problem}"
    if result.interrupted:
        yield "Interrupted: what was measured is kept."


def _shown(result: "RoundResult", catalog: "Catalog") -> Iterator["ServiceVerdict"]:
    """Yield the services that people care about: the ones with targets, the worst first."""
    from probe.model.target import Purpose
    from probe.model.verdict import State

    order = list(State)
    order.remove(State.OK)
    order.append(State.OK)
    with_targets = {
        s.id for s in catalog.services if any(e.purpose is Purpose.TARGET for e in s.endpoints)
    }
    shown = [s for s in result.services if s.service in with_targets]
    yield from sorted(shown, key=lambda s: (order.index(s.verdict.state), s.service))


def _table(result: "RoundResult", catalog: "Catalog") -> Iterator[dict[str, str]]:
    """Yield a row for each whole with its parts' services below it, and one for each service."""
    shown = list(_shown(result, catalog))
    part_of = {s.id: s.part_of for s in catalog.services if s.part_of is not None}
    names = {service.id: service.name for service in catalog.services}
    for whole in result.wholes:
        yield _line(whole.name, whole.verdict, whole.sentence)
        for service in shown:
            part = part_of.get(service.service)
            if part is not None and part.whole == whole.whole:
                yield _line(f"  {names[service.service]}", service.verdict, service.sentence)
    for service in shown:
        if service.service not in part_of:
            name = names.get(service.service, service.service)
            yield _line(name, service.verdict, service.sentence)


def _line(name: str, verdict: "Verdict", sentence: str) -> dict[str, str]:
    from probe.model.verdict import State
    from probe.report.mechanisms import how
    from probe.report.words import CONFIDENCE, WHO

    blamed = verdict.bad
    judged = verdict.state not in (State.INCONCLUSIVE, State.INVALID)
    return {
        "service": name,
        "state": _state(verdict),
        "who": WHO[verdict.locus] if blamed else "",
        "how": how(verdict.mechanism) if blamed else "",
        "confidence": CONFIDENCE[verdict.confidence] if judged else "",
        "detail": sentence,
    }


def _state(verdict: "Verdict") -> str:
    """Return the state in plain words, never more than was shown."""
    from probe.analysis.looked import NOT_MEASURED
    from probe.model.verdict import Confidence, Locus, State

    if verdict.mechanism in NOT_MEASURED:
        return "not measured"
    if verdict.mechanism == "service.retired":
        return "closed by its operator"
    if verdict.state is State.BLOCKED and verdict.locus is Locus.SERVER:
        removed = verdict.mechanism == "listing.removed"
        return "left out by the stores" if removed else "refused by the service"
    words = {
        State.OK: "works",
        State.BLOCKED: "blocked",
        State.DEGRADED: "works in part",
        State.DOWN: "down",
        State.INCONCLUSIVE: "inconclusive",
        State.INVALID: "the line was at fault",
    }
    weak = verdict.confidence is Confidence.WEAK and verdict.state is not State.OK
    return f"perhaps {words[verdict.state]}" if weak and verdict.bad else words[verdict.state]


def _rows(result: "RoundResult", catalog: "Catalog") -> Iterator[dict[str, Any]]:
    """Yield one row for each whole, and one for each service, its endpoints inside it."""
    from probe.model.codec import to_builtins

    gates = [str(gate.id) for gate in result.context.gates]
    for whole in result.wholes:
        yield {
            "service": whole.whole,
            "name": whole.name,
            **_said(whole.verdict),
            "sentence": whole.sentence,
            "gates": gates,
            "network": result.context.network.key,
            "time": to_builtins(result.context.started),
            "parts": [
                {
                    "part": part.part,
                    "state": part.verdict.state if part.verdict is not None else None,
                    "services": part.services,
                    "working": part.working,
                    "measured": part.measured,
                    "total": part.total,
                }
                for part in whole.parts
            ],
        }
    for service in _shown(result, catalog):
        verdict = service.verdict
        known = catalog.service(service.service)
        yield {
            "service": service.service,
            "name": known.name if known is not None else service.service,
            **_said(verdict),
            "sentence": service.sentence,
            "part_of": known.part_of.whole if known is not None and known.part_of else None,
            "gates": gates,
            "network": result.context.network.key,
            "time": to_builtins(result.context.started),
            "roles": [
                {
                    "role": role.role,
                    "of": role.of,
                    "state": role.verdict.state if role.verdict is not None else None,
                    "measured": role.measured,
                    "total": role.total,
                }
                for role in service.roles
            ],
            "endpoints": [
                {
                    "endpoint": record.endpoint,
                    "outcome": record.main.outcome,
                    "why": record.main.reason,
                    "failure": record.main.failure,
                    "looks": len(record.bundle),
                    "verdict": to_builtins(record.verdict),
                }
                for record in result.records
                if record.service == service.service
            ],
        }


def _said(verdict: "Verdict") -> dict[str, Any]:
    return {
        "state": verdict.state,
        "mechanism": verdict.mechanism,
        "locus": verdict.locus,
        "confidence": verdict.confidence,
        "reason": verdict.reason,
        "rule_id": verdict.rule_id,
    }


@contextmanager
def show_progress() -> Iterator[Callable[["Progress"], None]]:
    """Yield what a round reports its progress to: a bar on a terminal, plain lines elsewhere.

    No target is named in it: a journal and a screen over somebody's shoulder can be read.
    """
    if sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _plain()


def _plain() -> Callable[["Progress"], None]:
    phase = ""

    def show(progress: "Progress") -> None:
        nonlocal phase
        if progress.phase != phase:
            phase = progress.phase
            say(_PHASES[phase])
        if progress.done and (progress.done % _EVERY == 0 or progress.done == progress.total):
            say(f"{progress.done} of {progress.total}")

    return show


@contextmanager
def _bar() -> Iterator[Callable[["Progress"], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(_PHASES["line"], total=None)

        def show(progress: "Progress") -> None:
            total = progress.total or None
            bar.update(
                task, description=_PHASES[progress.phase], completed=progress.done, total=total
            )

        yield show
