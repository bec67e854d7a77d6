"""``probe judge --stored``: the own measurements judged again, shown, kept, or taken back."""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probe.cli.output import emit, say
from probe.errors import InputError, StoreError

if TYPE_CHECKING:
    from probe.cli.options import Output
    from probe.model.target import Catalog
    from probe.model.verdict import Verdict
    from probe.schedule.rejudge import Change, Rejudging
    from probe.settings import Settings
    from probe.store.database import Store

__all__ = ["judge_stored"]

_COLUMNS = ("time", "service", "endpoint", "before", "after", "rule", "version")


def judge_stored(
    *,
    store: Path | None,
    config: Path | None,
    catalog: Path | None,
    lab: str | None,
    span: tuple[str | None, str | None],
    service: str | None,
    apply: bool,
    undo: bool,
    output: "Output",
) -> None:
    """Judge the store again; show what changes, or keep it, or take the last time back.

    Raises:
        InputError: a time is none.
        StoreError: there is no store, or nothing to undo.

    """
    from contextlib import ExitStack

    from probe.schedule.lock import lock_path, run_lock
    from probe.settings import load
    from probe.store.database import Store

    settings = load(config=config, environ=os.environ, store=store, catalog=catalog)
    since, until = _span(*span)
    if not settings.store.exists():
        raise StoreError(f"{settings.store}: there is no store yet; `probe run` makes one")
    with ExitStack() as stack:
        if apply or undo:
            stack.enter_context(run_lock(lock_path(settings.store)))
        opened = stack.enter_context(Store.open(settings.store, create=False))
        if undo:
            _undo(opened, output)
            return
        passing = _rejudging(opened, settings, lab, apply=apply)
        passing.since, passing.until, passing.service = since, until, service
        tally: Counter[bool] = Counter()
        emit(_rows(passing, tally), output, _COLUMNS)
        _summary(passing, tally)


def _span(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    from probe.cli.series_source import moment_of

    start, end = moment_of(since, "--since", UTC), moment_of(until, "--until", UTC)
    if start is not None and end is not None and start >= end:
        raise InputError("not after --since", field="--until", mend="exchange them")
    return start, end


def _undo(store: "Store", output: "Output") -> None:
    when = store.last_revision()
    count = store.undo_revision()
    emit([], output)
    say(f"{count} verdicts are again what they were before {when:%Y-%m-%d %H:%M} UTC.")


def _rejudging(
    store: "Store", settings: "Settings", lab: str | None, *, apply: bool
) -> "Rejudging":
    from probe.analysis.verdict import JudgeFacts
    from probe.clock import SystemClock
    from probe.schedule.rejudge import Rejudging
    from probe.targets.load import load_fingerprints

    return Rejudging(
        store=store,
        catalog=_catalog(settings, lab),
        facts=JudgeFacts(fingerprints=load_fingerprints()),
        revision=store.begin_revision(SystemClock().now()) if apply else None,
    )


def _catalog(settings: "Settings", lab: str | None) -> "Catalog":
    """Return today's catalog, or that of the lab's scenario in which the store was made."""
    from probe.targets.load import load_catalog

    if lab is None:
        return load_catalog(settings.catalog)
    from probe.lab.demo import simulated_catalog
    from probe.lab.scenario import load_scenario

    scenario = load_scenario(lab)
    if scenario.services is None:
        return load_catalog(settings.catalog)
    return simulated_catalog(scenario)


def _rows(passing: "Rejudging", tally: Counter[bool]) -> Iterator[dict[str, Any]]:
    """Yield what is said otherwise; changes of words, version and evidence are only counted."""
    for change in passing.changes():
        tally[change.says_otherwise] += 1
        if change.says_otherwise:
            yield _row(change)


def _row(change: "Change") -> dict[str, Any]:
    return {
        "time": change.time.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "round": change.round,
        "service": change.service,
        "endpoint": change.endpoint,
        "before": _words(change.before),
        "after": _words(change.after),
        "rule": change.after.rule_id,
        "version": change.after.rule_version,
        "verdict_before": change.before,
        "verdict_after": change.after,
    }


def _words(verdict: "Verdict | None") -> str:
    if verdict is None:
        return "nothing"
    parts = (verdict.state, verdict.mechanism, verdict.locus, verdict.confidence)
    return f"{' '.join(str(part) for part in parts)} ({verdict.rule_id} v{verdict.rule_version})"


def _summary(passing: "Rejudging", tally: Counter[bool]) -> None:
    from probe.schedule.rejudge import KEPT

    kept = passing.revision is not None
    say(
        f"{passing.judged} verdicts of {passing.rounds} rounds judged again: {tally[True]}"
        f" {'are' if kept else 'would be'} different, {tally[False]} have other words or versions"
        f" only, {passing.judged - tally.total()} stay."
    )
    for why, count in sorted(passing.kept.items()):
        say(f"{count} left as they are: {KEPT[why]}.")
    for scenario in sorted(passing.scenarios):
        say(f"Judge them by the world of their lab: probe judge --stored --lab {scenario}")
    if passing.other_catalog:
        say(f"{passing.other_catalog} rounds were measured with another catalog than today's.")
    if kept and tally:
        say("The earlier verdicts are kept beside the new ones: probe judge --stored --undo")
    elif tally:
        say("Nothing was written; --apply keeps the new verdicts.")
