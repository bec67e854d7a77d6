"""What a sentence at the head of a report rests on, as rows: one of each service or stretch."""

import re
from typing import NamedTuple

from probe.report.data import LINE_SUBJECT, Bar, Looks, ServiceFinding, WindowRow
from probe.report.headline import Ground
from probe.report.phrases import duration, moment, since_words, subject_name, weekdays, window_hours
from probe.report.slow_words import size_words, slowed_name
from probe.report.tongue import _, language, n_, num

__all__ = ["Proof", "has_number", "looks_words", "proof_of"]

_NAMES = re.compile("\N{FIRST STRONG ISOLATE}[^\N{POP DIRECTIONAL ISOLATE}]*")


class Proof(NamedTuple):
    """One row, in words; ``supports`` and ``against`` are ISO dates of days."""

    name: str
    rests_on: str
    when: str = ""
    amount: str = ""
    supports: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


def proof_of(ground: Ground, tz: str) -> Proof:
    """Return the row of one thing that a sentence rests on, with times in ``tz``."""
    if isinstance(ground, Bar):
        return _stretch(ground, tz)
    if isinstance(ground, WindowRow):
        return _window(ground, tz)
    return _service(ground, tz)


def _service(found: ServiceFinding, tz: str) -> Proof:
    looks = found.looks
    length = duration(found.bad_s)
    return Proof(
        name=found.name,
        rests_on=_failed(looks.bad, looks.bad + looks.good),
        when=since_words(found.since, tz),
        amount=_("about {length} in all", length=length) if found.bad_s else "",
    )


def _failed(bad: int, total: int) -> str:
    return _("{bad} of {all} looks failed", bad=num(bad), all=num(total))


def _stretch(bar: Bar, tz: str) -> Proof:
    """Return a stretch of the line."""
    return Proof(
        name=subject_name(LINE_SUBJECT),
        rests_on=f"{_('Looks')}: {num(bar.samples)}",
        when=_("{start} to {end}", start=moment(bar.start, tz), end=moment(bar.end, tz)),
        amount=duration((bar.end - bar.start).total_seconds()),
    )


def _window(row: WindowRow, tz: str) -> Proof:
    """Return a window, or a stretch in which something was slow."""
    event = row.event
    name = slowed_name(event, row.name)
    rests_on = _failed(event.bad_samples, event.samples) if event.samples else ""
    if event.throttle is not None:
        rests_on = n_(
            "{count} slow round, compared with {before} others",
            "{count} slow rounds, compared with {before} others",
            event.throttle.rounds,
            before=num(event.throttle.baseline),
        )
    if event.window is None:
        end = moment(event.end.at, tz) if event.end else _("not over at the end")
        return Proof(
            name=name,
            rests_on=rests_on,
            when=_("{start} to {end}", start=moment(event.start.at, tz), end=end),
            amount=size_words(event),
        )
    days = event.window.days
    return Proof(
        name=name,
        rests_on=rests_on,
        when=f"{weekdays(event)}{language().comma}{'–'.join(window_hours(event))}",
        amount=_(
            "{seen} days of {days} that could show it ({all} in all)",
            seen=num(days.supported),
            days=num(days.observable),
            all=num(days.total),
        ),
        supports=event.window.supports,
        against=event.window.against,
    )


def looks_words(looks: Looks) -> str:
    """Return how many looks were good, failed and told nothing."""
    said = (
        n_("{count} good", "{count} good", looks.good) if looks.good else "",
        n_("{count} failed", "{count} failed", looks.bad) if looks.bad else "",
        n_("{count} unclear", "{count} unclear", looks.unclear) if looks.unclear else "",
    )
    return language().comma.join(one for one in said if one) or num(0)


def has_number(sentence: str) -> bool:
    """Return whether a sentence counts or dates something, names apart."""
    return any(character.isdigit() for character in _NAMES.sub("", sentence))
