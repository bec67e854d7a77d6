"""What a published report may hold: whole hours, kinds of network, and no words of private people.

A time to the minute can be laid beside a provider's logs, and a network with one volunteer in it
names the volunteer. So these functions run before a ``ReportData`` exists, not when it is drawn.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from probe.model.event import Event, Instant
from probe.model.record import Note
from probe.report.data import Bar, NoteRow, ServiceFinding, Since, Stretch, WindowRow
from probe.report.hours import floor_hour
from probe.report.text import clean
from probe.report.tongue import N_

__all__ = ["Grain", "network_names"]

_ACCESS = {
    "fixed": N_("a fixed line"),
    "mobile": N_("a mobile network"),
    "hosting": N_("a hosting network"),
    "academic": N_("an academic network"),
}


def network_names(keys: Iterable[str], *, private: bool) -> dict[str, str]:
    """Return what each network key is called: itself, or its kind with a letter if need be."""
    distinct = sorted({key for key in keys if key})
    if private:
        return {"": "", **{key: clean(key) for key in distinct}}
    kinds = [
        _ACCESS.get(key.rpartition("/")[2], N_("a network of unknown kind")) for key in distinct
    ]
    names = {"": ""}
    for key, kind in zip(distinct, kinds, strict=True):
        alike = [other for other, its in zip(distinct, kinds, strict=True) if its == kind]
        letter = f" ({chr(ord('A') + alike.index(key) % 26)})" if len(alike) > 1 else ""
        names[key] = kind + letter
    return names


class Grain:
    """Coarsens times to whole local hours, outwards; does nothing in a private report."""

    def __init__(self, tz: str, *, private: bool) -> None:
        """Keep the zone whose hours are meant."""
        self._tz = tz
        self._private = private

    @property
    def private(self) -> bool:
        """Whether nothing needs to be coarsened."""
        return self._private

    def hour(self, time: datetime) -> datetime:
        """Return the start of the hour, whoever it is for."""
        return floor_hour(time, self._tz)

    def down(self, time: datetime) -> datetime:
        """Return the start of the hour."""
        return time if self._private else floor_hour(time, self._tz)

    def up(self, time: datetime) -> datetime:
        """Return the end of the hour (the time itself when it is a whole hour)."""
        floor = self.down(time)
        return time if floor == time else floor + timedelta(hours=1)

    def nearest(self, time: datetime) -> datetime:
        """Return the nearest whole hour."""
        return time if self._private else self.down(time + timedelta(minutes=30))

    def since(self, since: Since) -> Since:
        """Coarsen a start."""
        return msgspec.structs.replace(
            since,
            at=self.nearest(since.at),
            earliest=self.down(since.earliest),
            latest=self.up(since.latest),
        )

    def instant(self, instant: Instant) -> Instant:
        """Coarsen an edge of an event."""
        return msgspec.structs.replace(
            instant,
            at=self.nearest(instant.at),
            earliest=self.down(instant.earliest),
            latest=self.up(instant.latest),
        )

    def event(self, event: Event, network: str) -> Event:
        """Coarsen an event, and drop its own sentence, which may hold minutes and names.

        The page words every event itself, private or not. The edges of a window stay in minutes:
        they are drawn from many days and belong to no single moment of any log.
        """
        return msgspec.structs.replace(
            event,
            vantage="",
            network=network,
            start=self.instant(event.start),
            end=self.instant(event.end) if event.end else None,
            mechanisms=tuple((clean(name, 60), count) for name, count in event.mechanisms),
            sentence="",
        )

    def bar(self, bar: Bar) -> Bar:
        """Coarsen a bar of a lane."""
        return msgspec.structs.replace(
            bar,
            start=self.nearest(bar.start),
            start_earliest=self.down(bar.start_earliest),
            start_latest=self.up(bar.start_latest),
            end=self.nearest(bar.end),
            end_earliest=self.down(bar.end_earliest),
            end_latest=self.up(bar.end_latest),
        )

    def window(self, row: WindowRow, network: str) -> WindowRow:
        """Coarsen the event of a window row."""
        return msgspec.structs.replace(row, event=self.event(row.event, network))

    def finding(self, finding: ServiceFinding) -> ServiceFinding:
        """Coarsen the times of a finding."""
        return msgspec.structs.replace(
            finding,
            mechanism=clean(finding.mechanism, 60) if finding.mechanism else None,
            since=self.since(finding.since) if finding.since else None,
            last_look=self.down(finding.last_look) if finding.last_look else None,
            stretches=tuple(map(self.stretch, finding.stretches)),
        )

    def stretch(self, stretch: Stretch) -> Stretch:
        """Coarsen a stretch of looks."""
        return msgspec.structs.replace(
            stretch, start=self.down(stretch.start), end=self.up(stretch.end)
        )

    def notes(self, notes: Sequence[Note], names: Mapping[str, str]) -> tuple[NoteRow, ...]:
        """Coarsen notes and leave their words out: only the writer knows whom they name."""
        return tuple(
            NoteRow(
                time=self.down(note.time),
                kind=note.kind,
                service=clean(names.get(note.service, note.service), 80) if note.service else None,
                text=clean(note.text, 500) if self._private else "",
            )
            for note in notes
        )
