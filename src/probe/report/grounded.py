"""Where what is said leads: a sentence to the rows that it rests on, a finding to its looks."""

from collections.abc import Sequence

from probe.report.data import ReportData, WindowRow
from probe.report.headline import Ground, Headline, subject_of
from probe.report.links import Links, only_works
from probe.report.proofs import Proof, proof_of

__all__ = ["Grounded"]


class Grounded:
    """The sentences at the head of one page, and the addresses of what stands behind them."""

    def __init__(self, data: ReportData, headlines: Sequence[Headline], links: Links) -> None:
        """Take what is told, in its order, and the addresses of the page."""
        self._data = data
        self._headlines = headlines
        self._links = links

    def behind(self, row: WindowRow) -> str:
        """Return the address of what a finding rests on; nothing where it is not on the page."""
        event = row.event
        if event.throttle is None:
            end = event.end.latest if event.end else None
            span = (None, None) if event.window is not None else (event.start.earliest, end)
            return self._links.rows(row.subject, *span)
        drawn = any(one.subject == row.subject for one in self._data.goodputs)
        return self._links.timed(row) if drawn else ""

    def said(self, headline: Headline) -> str:
        """Return the address of what a sentence rests on; nothing if it rests on nothing."""
        return self._links.said(self._headlines.index(headline) + 1, headline)

    def said_of(self, row: WindowRow) -> str:
        """Return the address of what the sentence about a window rests on."""
        told = (one for one in self._headlines if any(of is row for of in one.grounds))
        return next(map(self.said, told), "")

    @property
    def proven(self) -> list[tuple[int, Headline]]:
        """Return the sentences that rest on rows of their own, with their numbers."""
        numbered = enumerate(self._headlines, 1)
        return [(no, one) for no, one in numbered if one.grounds and not only_works(one)]

    def proofs(self, headline: Headline) -> list[tuple[Proof, str]]:
        """Return the rows that a sentence rests on, each with the address of what is behind it."""
        tz = self._data.place.tz
        return [(proof_of(ground, tz), self._ground(ground)) for ground in headline.grounds]

    def _ground(self, ground: Ground) -> str:
        if isinstance(ground, WindowRow):
            return self.behind(ground)
        return self._links.rows(subject_of(ground))
