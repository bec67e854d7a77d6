"""Where the numbers of a page lead: in a file, to tables of the file itself."""

import hashlib
from collections.abc import Collection
from datetime import datetime

from probe.report.data import FindingKind, ServiceFinding, WindowRow
from probe.report.headline import Headline

__all__ = ["Links", "anchor", "only_works"]


def anchor(subject: str) -> str:
    """Return a name for an anchor: short, and of nothing but hexadecimal digits."""
    return hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()[:10]


class Links:
    """The addresses of a file; ``drawn`` are the subjects whose stretches it has as a lane."""

    def __init__(self, drawn: Collection[str] = ()) -> None:
        """Keep which subjects have a lane; the others have a row in the table of services."""
        self.drawn = drawn

    def rows(self, subject: str, start: datetime | None = None, end: datetime | None = None) -> str:
        """Return the address of the rows behind a number about a subject."""
        del start, end
        return f"#{'rows' if subject in self.drawn else 'looks'}-{anchor(subject)}"

    def service(self, subject: str) -> str:
        """Return the address of what there is to know about a service."""
        return self.rows(subject)

    def timed(self, row: WindowRow) -> str:
        """Return the address of the transfers that something slow was seen in."""
        return f"#timed-{anchor(row.subject)}"

    def said(self, number: int, headline: Headline) -> str:
        """Return the address of what a sentence rests on, nothing if it rests on nothing.

        ``number`` is its place at the head of the report, from 1.
        """
        if not headline.grounds:
            return ""
        return "#looked-works" if only_works(headline) else f"#said-{number}"


def only_works(headline: Headline) -> bool:
    """Return whether a sentence is of what worked, whose rows are those of the services."""
    return all(
        isinstance(one, ServiceFinding) and one.kind is FindingKind.WORKS
        for one in headline.grounds
    )
