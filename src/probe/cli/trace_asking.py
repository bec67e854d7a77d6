"""What a trace needs before it sends anything: a host and a name that go together, and a yes."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from probe.errors import ConsentError, InputError
from probe.model.address import family_of
from probe.model.trace import Trigger
from probe.model.vantage import Access, Vantage
from probe.settings import Settings

if TYPE_CHECKING:
    from probe.consent import Consent
    from probe.model.target import Category

__all__ = ["Wish", "agreed", "sought_by", "understood", "vantage_known"]

_PORTS = {
    Trigger.TLS: 443,
    Trigger.HTTP: 80,
    Trigger.DNS: 53,
    Trigger.SYN: 443,
    Trigger.QUIC: 443,
}
_SERVERS = frozenset({Access.HOSTING, Access.ACADEMIC})

_HOME = (
    "This line is not described as a server's. A trace sends the name again and again, from here,"
    " in packets that no ordinary program sends: whoever watches the line can tell what it is. It"
    " is meant for rented servers (probe vantage set --access hosting)."
)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was asked on the command line."""

    host: str
    trigger: Trigger
    sni: str | None
    neutral: str | None
    rounds: int
    spacing_s: float
    wait_s: float
    max_hops: int
    ipv6: bool
    yes: bool
    pcap: Path | None


def understood(wish: Wish) -> tuple[str, int, str]:
    """Return host, port and the name that is sent.

    Raises:
        InputError: they do not go together.

    """
    host, port = _place(wish.host)
    if wish.trigger is Trigger.SYN:
        return host, port or _PORTS[wish.trigger], ""
    if wish.sni is None and (wish.trigger is Trigger.DNS or family_of(host) is not None):
        raise InputError(
            "there is no name to send", field="--sni", mend="add --sni with the name that is cut"
        )
    return host, port or _PORTS[wish.trigger], (wish.sni or host).rstrip(".").lower()


def _place(text: str) -> tuple[str, int | None]:
    """Return host and port of ``host``, ``host:port``, ``[v6]:port`` or an address.

    Raises:
        InputError: the port is none.

    """
    if family_of(text) is not None:
        return text.strip("[]"), None
    host, colon, number = text.rpartition(":")
    if not colon:
        return text.rstrip(".").lower(), None
    if not number.isdecimal() or not 1 <= int(number[:6]) <= 65_535:
        raise InputError(f"{text!r} has no port from 1 to 65535", mend="write host:443")
    return host.strip("[]").rstrip(".").lower(), int(number)


def vantage_known(settings: Settings) -> Vantage:
    """Return what is known of this line; no store is made for a trace."""
    from random import SystemRandom

    from probe.schedule.session import described_vantage, vantage_of

    rng = SystemRandom()
    return described_vantage(settings, rng) or vantage_of(settings, None, rng)


def agreed(wish: Wish, settings: Settings, vantage: Vantage, sought: Sequence[str]) -> "Consent":
    """Return the consent that covers all that is ``sought`` (hosts, names), after a yes.

    Raises:
        ConsentError: there is none, it covers less, or the answer was no.
        InputError: a name that must not be measured.

    """
    from probe.cli.asking import ask_named
    from probe.consent import require
    from probe.settings import default_consent

    consent = require(default_consent(os.environ), _categories(settings, sought))
    at_home = vantage.access not in _SERVERS
    if at_home and settings.high_risk:
        raise ConsentError("in the high-risk profile no trace is made from a line at home")
    if not wish.yes:
        ask_named(sought, private=settings.high_risk, warning=_HOME if at_home else "")
    return consent


def _categories(settings: Settings, sought: Sequence[str]) -> "set[Category]":
    """Return the categories that the catalog knows of what is sought.

    Raises:
        InputError: a name that must not be measured.

    """
    from probe.clock import SystemClock
    from probe.schedule.choose import Wanted, chosen_categories, selection_of
    from probe.targets.load import load_catalog
    from probe.targets.named import named

    catalog = load_catalog(settings.catalog)
    today = SystemClock().now().date()
    found: set[Category] = set()
    for name in sought:
        subject = named(name, catalog, today=today)
        selection = selection_of(subject.catalog, Wanted(names=subject.names))
        found |= set(
            subject.categories if subject.outside else chosen_categories(catalog, selection)
        )
    return found


def sought_by(wish: Wish, target: str) -> tuple[str, ...]:
    """Return whom a trace lets this line be seen with; a resolver is asked as any line asks one."""
    host = None if wish.trigger is Trigger.DNS else wish.host
    other = wish.neutral if wish.trigger is Trigger.SYN else None
    return tuple(dict.fromkeys(name for name in (host, target, other) if name))
