"""Drawing a page: the view of the report, with addresses that lead on inside the site."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from probe.model.record import RoundRow
from probe.model.verdict import State, Verdict
from probe.report.data import LINE_SUBJECT, Mark, ReportData, WindowRow
from probe.report.headline import Headline, subject_of
from probe.report.html import View, environment
from probe.report.links import Links, anchor, only_works
from probe.report.tongue import LANGUAGES, _, num, speaking
from probe.store.database import Entry
from probe.web.asked import Asked

__all__ = ["PageLinks", "draw_page", "event_key", "mark_of", "pictures", "stamp"]

_STATES = {
    State.OK: Mark.FINE,
    State.BLOCKED: Mark.CUT,
    State.DEGRADED: Mark.PART,
    State.DOWN: Mark.DOWN,
    State.INCONCLUSIVE: Mark.UNCLEAR,
    State.INVALID: Mark.UNCLEAR,
}
_LOCI = {"server": Mark.REFUSED, "local": Mark.OWN_FAULT, "unknown": Mark.FAILED}


def mark_of(verdict: Verdict) -> Mark:
    """Return the mark that stands for one verdict; a weak one is only "failed"."""
    if verdict.state is not State.BLOCKED:
        return _STATES[verdict.state]
    if verdict.confidence.value == "weak" and verdict.locus.value != "server":
        return Mark.FAILED
    return _LOCI.get(verdict.locus.value, Mark.CUT)


def event_key(row: WindowRow) -> str:
    """Return what an event is called in an address: the same as long as it begins the same."""
    event = row.event
    place = (event.series, event.vantage, event.network, event.signal, event.locus, event.kind)
    return anchor("|".join((*map(str, place), stamp(event.start.earliest))))


def stamp(time: datetime | None) -> str:
    """Return a time for an address."""
    return "" if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class PageLinks(Links):
    """Where things are on this site, with the state of the view kept."""

    def __init__(self, asked: Asked, of: str = "") -> None:
        """Take the state of the view, and whose looks are counted where others' are stored."""
        super().__init__()
        self.asked = asked
        self.of = {"vantage": of} if of else {}

    def rows(self, subject: str, start: datetime | None = None, end: datetime | None = None) -> str:
        """Return the list of the measurements behind a number; one instant is a second long."""
        if start is not None and end is not None:
            end = max(end, start + timedelta(seconds=1))
        span = {"since": stamp(start), "until": stamp(end)} if start or end else {}
        if subject == LINE_SUBJECT:
            return self.asked.address("/rounds", service="", endpoint="", state="", **span)
        choice = {"service": subject, "endpoint": "", "state": ""} | self.of | span
        return self.asked.address("/measurements", **choice)

    def service(self, subject: str) -> str:
        """Return the page of a service."""
        return self.asked.address(f"/service/{subject}", service="", endpoint="", state="")

    def said(self, number: int, headline: Headline) -> str:
        """Return the measurements that a sentence rests on, or the table of what it rests on.

        One about a single service, or the line, leads to the measurements themselves.
        """
        subjects = set(map(subject_of, headline.grounds))
        if len(subjects) == 1:
            return self.rows(subjects.pop())
        if subjects and only_works(headline):
            return "#quiet-works"
        return f"#said-{number}" if subjects else ""

    def timed(self, row: WindowRow) -> str:
        """Return the page with the transfers that something slow was seen in."""
        mark = f"#timed-{anchor(row.subject)}"
        if row.subject == LINE_SUBJECT:
            return self.network(row.event.network) + mark
        return self.service(row.subject) + mark

    def network(self, key: str, vantage: str = "") -> str:
        """Return the page of a network, as the vantage that is shown or another saw it."""
        of = {"vantage": vantage} if vantage else {}
        return self.asked.address(f"/network/{key}", network="", service="", **of)

    def event(self, row: WindowRow) -> str:
        """Return the page of an event."""
        return self.asked.address(f"/event/{event_key(row)}")

    def measurement(self, entry: Entry) -> str:
        """Return the page of a measurement."""
        return self.asked.address(f"/measurement/{entry.round}/{entry.no}")

    def page(self, path: str, **changes: str) -> str:
        """Return another page, with the same state but for the changes."""
        return self.asked.address(path, **changes)

    def download(self, what: str, ending: str) -> str:
        """Return the address of a download of what is on the screen."""
        return self.asked.address(f"/download/{what}.{ending}")


def pictures(what: str, count: int) -> list[tuple[str, str]]:
    """Return the downloads of charts of one kind, in the order in which they are shown."""
    word = _("chart")
    if count == 1:
        return [(what, word)]
    return [(f"{what}-{number}", f"{word} {num(number)}") for number in range(1, count + 1)]


def draw_page(
    template: str,
    asked: Asked,
    *,
    path: str,
    data: ReportData | None = None,
    version: str = "",
    of: str = "",
    **values: Any,
) -> str:
    """Return a page of the site as HTML, in the language that its address asks for."""
    with speaking(asked.lang):
        links = PageLinks(asked, of)
        view = None if data is None else View(data, links)
        return (
            environment("probe.web")
            .get_template(template)
            .render(
                view=view,
                data=data,
                links=links,
                asked=asked,
                path=path,
                version=version,
                languages=LANGUAGES,
                speaking=LANGUAGES[asked.lang],
                mark_of=mark_of,
                stamp=stamp,
                pictures=pictures,
                **values,
            )
        )


def rounds_table(rounds: Iterable[RoundRow], limit: int) -> list[Mapping[str, Any]]:
    """Return the newest rounds as a list shows them."""
    newest = sorted(rounds, key=lambda row: row.started, reverse=True)[:limit]
    return [
        {
            "row": row,
            "gates": [gate.id.value for gate in row.context.gates] if row.context else [],
            "interrupted": row.context is None and row.ended is not None,
            "open": row.ended is None,
        }
        for row in newest
    ]
