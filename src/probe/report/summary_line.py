"""Sentences about the line as a whole: offline, or limited to the country's own sites."""

from datetime import timedelta

from probe.report.data import LINE_SUBJECT, Bar, Mark, ReportData
from probe.report.headline import Headline, Tone
from probe.report.phrases import duration, moment
from probe.report.summary_hours import WINDOWS
from probe.report.tongue import _, num

__all__ = ["line_headlines"]


def line_headlines(data: ReportData) -> list[Headline]:
    """Say when the line reached nothing, or only its own country, unless a window says so."""
    told = {row.locus for row in data.windows if row.subject == LINE_SUBJECT}
    bars = [bar for lane in data.lanes if lane.subject == LINE_SUBJECT for bar in lane.bars]
    said = []
    for mark, tone, signal, detail in (
        (
            Mark.LINE_OFF,
            Tone.LINE,
            "upstream",
            _("A cut by the network and a fault of the provider look the same from one line."),
        ),
        (
            Mark.DOMESTIC,
            Tone.DOMESTIC,
            "intl",
            _("A used-up prepaid balance can look the same from one line."),
        ),
    ):
        found = [bar for bar in bars if bar.mark is mark]
        windowed = signal in told and any(
            row.event.kind in WINDOWS and row.locus == signal for row in data.windows
        )
        if found and not windowed:
            text = _line_text(found, data.place.tz, domestic=mark is Mark.DOMESTIC)
            said.append(Headline(tone, text, (detail,), tuple(found)))
    return said


def _line_text(bars: list[Bar], tz: str, *, domestic: bool) -> str:
    longest = max(bars, key=lambda bar: bar.end - bar.start)
    length = duration((longest.end - longest.start).total_seconds())
    begun = moment(longest.start, tz)
    if len(bars) == 1:
        if domestic:
            return _(
                "For about {length}, from {begun}, this line reached only domestic sites.",
                length=length,
                begun=begun,
            )
        return _(
            "For about {length}, from {begun}, the line reached nothing at all.",
            length=length,
            begun=begun,
        )
    total = duration(sum((bar.end - bar.start for bar in bars), timedelta()).total_seconds())
    said = {"total": total, "begun": begun, "length": length, "count": num(len(bars))}
    if domestic:
        return _(
            "{count} times, about {total} in all, this line reached only domestic sites; "
            "the longest began {begun} and lasted about {length}.",
            **said,
        )
    return _(
        "{count} times, about {total} in all, the line reached nothing at all; "
        "the longest began {begun} and lasted about {length}.",
        **said,
    )
