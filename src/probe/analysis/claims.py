"""Events from what was measured: a window, or a single outage or onset."""

from datetime import datetime

import msgspec
import numpy as np

from probe.analysis.candidate import Candidate
from probe.analysis.doubt import doubt
from probe.analysis.edges import Edge
from probe.analysis.episodes import Episode
from probe.analysis.judgement import label_of, reach_of, reach_of_window
from probe.analysis.score import score_of
from probe.analysis.study import Study
from probe.analysis.wallclock import DAY_MIN, day_iso
from probe.analysis.window import Measured
from probe.analysis.wording import sentence
from probe.model.event import DayEdges, Days, Event, EventKind, Instant, Label, Window
from probe.model.timeline import Bracket

__all__ = ["outage_event", "window_event"]

_MOSTLY = 0.5


def window_event(
    study: Study,
    found: Candidate,
    measured: Measured,
    q: float,
    name: str,
) -> Event:
    """Return the event of an accepted window."""
    first, last = found.episodes[0], found.episodes[-1]
    counts: dict[str, int] = {}
    for episode in found.episodes:
        for mechanism, count in episode.mechanisms:
            counts[mechanism] = counts.get(mechanism, 0) + count
    key = study.series.key
    event = Event(
        kind=EventKind.WEEKLY_WINDOW if measured.weekdays else EventKind.DAILY_WINDOW,
        series=key.subject,
        vantage=key.vantage,
        network=key.network,
        label=label_of(found),
        start=_instant(first.start),
        end=_instant(last.end),
        tz="UTC" if found.fold.utc else study.series.tz,
        window=_window(found, measured),
        p=found.p,
        q=q,
        mechanisms=tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        signal=str(key.signal),
        locus=key.locus,
        reach=reach_of_window(study, measured),
        samples=sum(episode.samples for episode in found.episodes),
        bad_samples=sum(episode.bad_samples for episode in found.episodes),
    )
    return _finished(event, name)


def _window(found: Candidate, measured: Measured) -> Window:
    # UTC folds use one fixed offset: their minutes are turned back to UTC, the zone they follow
    turn = -found.fold.offsets.seconds[0] / 60 if found.fold.utc else 0.0
    start, end = _minutes(measured.start, turn), _minutes(measured.end, turn)
    base = start[0] // DAY_MIN * DAY_MIN
    shift = int(base // DAY_MIN - round(measured.start.minute) // DAY_MIN)
    supports, against = measured.supports + shift, measured.against + shift
    snapped = None
    if measured.start.snapped is not None and measured.end.snapped is not None:
        round_start, round_end = measured.start.snapped + turn, measured.end.snapped + turn
        round_base = round_start // DAY_MIN * DAY_MIN
        snapped = (round(round_start - round_base), round(round_end - round_base))
    day_edges = tuple(_day_edges(found, episode, turn) for episode in found.episodes)
    hidden = [(e.start.censored, e.end.censored) for e in found.episodes]
    return Window(
        start_minute=round(start[0] - base),
        end_minute=round(end[0] - base),
        start_interval=(round(start[1] - base, 1), round(start[2] - base, 1)),
        end_interval=(round(end[1] - base, 1), round(end[2] - base, 1)),
        snapped=snapped,
        weekdays=measured.weekdays,
        first_day=day_iso(int(supports[0])),
        last_day=day_iso(int(supports[-1])),
        days=Days(
            supported=int(supports.size),
            observable=measured.observable,
            total=measured.total,
        ),
        start_censored=float(np.mean([a for a, _ in hidden])) > _MOSTLY,
        end_censored=float(np.mean([b for _, b in hidden])) > _MOSTLY,
        supports=tuple(day_iso(day) for day in supports.tolist()),
        against=tuple(day_iso(day) for day in against.tolist()),
        bad_share=_rounded(measured.inside_share),
        shoulder_share=_rounded(measured.shoulder_share),
        control_share=_rounded(measured.control_inside),
        missing_share=_rounded(measured.missing_share),
        day_edges=day_edges,
        overlap=_rounded(found.overlap),
    )


def _day_edges(found: Candidate, episode: Episode, turn: float) -> DayEdges:
    """Return where one day's outage began and ended, in local minutes of the day it began on."""
    start = _local_minute(found, episode.start_s) + turn
    end = _local_minute(found, episode.end_s) + turn
    shift = found.start + turn
    day = round((start - shift) / DAY_MIN)  # the day whose window it is, though it began early
    day += int(shift // DAY_MIN)
    return DayEdges(
        day=day_iso(day),
        start=None if episode.start.censored else round(start - day * DAY_MIN, 1),
        end=None if episode.end.censored else round(end - day * DAY_MIN, 1),
    )


def _local_minute(found: Candidate, time_s: float) -> float:
    return (time_s + found.fold.offsets.at(time_s)) / 60


def _minutes(edge: Edge, turn: float) -> tuple[float, float, float]:
    return (round(edge.minute) + turn, edge.low + turn, edge.high + turn)


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def outage_event(study: Study, episode: Episode, name: str) -> Event:
    """Return the event of one episode that no window explains.

    What began under observation and goes on is an onset, without an end; what was there from
    the first sample to the last is an outage whose two ends are censored.
    """
    key = study.series.key
    goes_on = episode.open and not episode.from_start
    doubtful = doubt(
        samples=episode.samples,
        bad=episode.bad_samples,
        length_s=episode.length_s,
        probability=episode.probability,
    )
    event = Event(
        kind=EventKind.ONSET if goes_on else EventKind.OUTAGE,
        series=key.subject,
        vantage=key.vantage,
        network=key.network,
        label=Label.SUSPECTED if doubtful else Label.ESTABLISHED,
        start=_instant(episode.start),
        end=None if goes_on else _instant(episode.end),
        tz=study.series.tz,
        mechanisms=episode.mechanisms,
        signal=str(key.signal),
        locus=key.locus,
        reach=reach_of(study, episode.control_bad),
        samples=episode.samples,
        bad_samples=episode.bad_samples,
        unseen_s=episode.unseen_s,
    )
    return _finished(event, name)


def _finished(event: Event, name: str) -> Event:
    scored = msgspec.structs.replace(event, score=score_of(event))
    return msgspec.structs.replace(scored, sentence=sentence(scored, name))


def _instant(bracket: Bracket) -> Instant:
    def at(time: datetime) -> datetime:
        return time.replace(microsecond=0)

    return Instant(
        at=at(bracket.at),
        earliest=at(bracket.earliest),
        latest=at(bracket.latest),
        censored=bracket.censored,
    )
