"""What a scenario's values may be, beyond their types; each refusal says how to mend it."""

import ipaddress
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from probe.lab.actions import ACTIONS, NETNS_PARAMETERS, Layer, Limit, Position, Stage
from probe.lab.line_spec import LOOPBACK_FIELDS, NETNS_FIELDS, Hours, LineSpec
from probe.lab.located import LocatedYaml
from probe.lab.looks import LOOKS
from probe.lab.recognised import MESSAGES, PROTOCOLS
from probe.lab.round_spec import RoundSpec
from probe.lab.rules import ALERTS, AUTHORITIES, Expected, What, Who
from probe.model.address import parse_ip

__all__ = ["check_expect", "check_line", "check_round", "check_what", "check_who"]

MAX_HOP = 6
"""The last hop before a server abroad."""

MAX_ANSWERED = 16_384
"""Bytes of a server's first flight; no handshake has more before the client speaks again."""

_PLAYED_HOPS = frozenset(range(2, MAX_HOP + 1))
_PROTOCOLS = frozenset({"dns", "http", "tcp", "tls", "udp", *PROTOCOLS})
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")
_PACKETS_ONLY = "declare `stages: netns`"


def check_who(
    doc: LocatedYaml,
    who: Who,
    layers: Collection[Layer],
    path: str,
    services: frozenset[str] | None,
) -> None:
    """Refuse addresses, protocols, services and keywords that can match nothing.

    ``layers`` are those of the rule's action; ``services`` are the world's, ``None`` when the
    caller brings a catalog.

    Raises:
        InputError: with file, line, field and the mend.

    """
    for index, text in enumerate(who.address):
        try:
            ipaddress.ip_network(text)
        except ValueError as exc:
            raise doc.error(
                f"{text!r} is no address or network", f"{path}.address[{index}]"
            ) from exc
    for index, name in enumerate(who.protocol):
        if name not in _PROTOCOLS:
            mend = ", ".join(sorted(_PROTOCOLS))
            raise doc.error(f"{name!r} is no protocol", f"{path}.protocol[{index}]", mend)
    for index, name in enumerate(who.service):
        if services is not None and name not in services:
            raise doc.error(f"there is no service {name!r}", f"{path}.service[{index}]")
    _check_datagrams(doc, who, layers, path)
    if who.keyword and Layer.HTTP not in layers:
        mend = "use an action on requests, such as http_reset or block_page"
        raise doc.error("only a request has a keyword", f"{path}.keyword", mend)
    for index, name in enumerate(who.looks):
        if name not in LOOKS:
            mend = ", ".join(LOOKS)
            raise doc.error(f"nothing known looks like {name!r}", f"{path}.looks[{index}]", mend)
    if who.looks and Layer.LOOKS not in layers:
        mend = "use protocol_reset or protocol_drop"
        raise doc.error("only first bytes look like something", f"{path}.looks", mend)
    if "" in who.keyword:
        raise doc.error("an empty keyword is in every request", f"{path}.keyword")


def _check_datagrams(doc: LocatedYaml, who: Who, layers: Collection[Layer], path: str) -> None:
    """Refuse messages that nobody sends, and parts of datagrams where none is read."""
    for index, name in enumerate(who.message):
        if name not in MESSAGES:
            mend = ", ".join(sorted(MESSAGES))
            raise doc.error(f"{name!r} is no message", f"{path}.message[{index}]", mend)
    if who.size is not None and not 0 <= who.size[0] <= who.size[1]:
        raise doc.error("size is the least and the most bytes", f"{path}.size")
    if (who.message or who.size) and Layer.DATAGRAM not in layers:
        mend = "use an action on datagrams, such as datagram_drop"
        raise doc.error("only a datagram has a message and a size", path, mend)


def check_what(
    doc: LocatedYaml,
    what: What,
    given: Mapping[str, Any],
    path: str,
    *,
    stages: Collection[Stage],
) -> None:
    """Refuse parameters that are out of range, or that the action or a stage has no use for.

    ``given`` is the mapping as written.

    Raises:
        InputError: with file, line, field and the mend.

    """
    takes = ACTIONS[what.action].parameters
    for name in given:
        if name not in takes | {"action"}:
            mend = f"it takes {', '.join(sorted(takes)) or 'nothing'}"
            raise doc.error(f"{what.action} takes no {name!r}", f"{path}.{name}", mend)
        shaped = name == "limit" and what.limit is Limit.SHAPED
        if name in NETNS_PARAMETERS and not shaped and set(stages) != {Stage.NETNS}:
            problem = f"{name} needs single packets, which loopback has not"
            raise doc.error(problem, f"{path}.{name}", _PACKETS_ONLY)
    if not 0 < what.share <= 1:
        raise doc.error("share is above 0, and 1 at most", f"{path}.share")
    if what.alert not in ALERTS:
        raise doc.error(f"{what.alert!r} is no alert", f"{path}.alert", ", ".join(ALERTS))
    for index, text in enumerate(what.answers):
        if parse_ip(text) is None:
            raise doc.error(f"{text!r} is no address", f"{path}.answers[{index}]")
    for index, text in enumerate(what.types):
        if text not in ("A", "AAAA"):
            raise doc.error(f"{text!r} is neither A nor AAAA", f"{path}.types[{index}]")
    if what.status is not None and not 200 <= what.status <= 599:
        raise doc.error(f"{what.status} is no HTTP status", f"{path}.status")
    _check_certificate(doc, what, path)
    _check_counts(doc, what, path)


def _check_certificate(doc: LocatedYaml, what: What, path: str) -> None:
    if what.ca not in AUTHORITIES:
        raise doc.error(f"{what.ca!r} is no authority", f"{path}.ca", ", ".join(AUTHORITIES))
    if what.name is not None and _HOST_NAME.fullmatch(what.name) is None:
        raise doc.error(f"{what.name!r} is no host name", f"{path}.name", "web.example.org")


def _check_counts(doc: LocatedYaml, what: What, path: str) -> None:
    if what.bytes < 0 or what.rate <= 0:
        raise doc.error("bytes and rate are counts", path)
    if not 0 <= what.answered <= MAX_ANSWERED:
        raise doc.error(f"answered is 0 to {MAX_ANSWERED} bytes", f"{path}.answered")
    if what.answered and what.position is Position.ON_PATH:
        mend = "a machine beside the path cannot hold back the rest: leave position out"
        raise doc.error("an answer is cut in the path", f"{path}.answered", mend)
    if what.packets is not None and what.packets < 1:
        raise doc.error("packets is a count from 1", f"{path}.packets")
    if not 0 <= what.residual <= 86_400:
        raise doc.error("residual is 0 to 86400 seconds", f"{path}.residual")
    if not 1 <= what.hop <= MAX_HOP:
        raise doc.error(f"hop is 1 to {MAX_HOP}", f"{path}.hop")


def check_line(
    doc: LocatedYaml, line: LineSpec, given: Mapping[str, Any], *, stages: Collection[Stage]
) -> None:
    """Refuse a line that cannot be, or that a stage cannot play.

    Raises:
        InputError: with file, line, field and the mend.

    """
    for name in given:
        if name in NETNS_FIELDS and set(stages) != {Stage.NETNS}:
            problem = f"{name} needs single packets, which loopback has not"
            raise doc.error(problem, f".line.{name}", _PACKETS_ONLY)
        if name in LOOPBACK_FIELDS and set(stages) != {Stage.LOOPBACK}:
            problem = f"{name} is played by the map of loopback only"
            raise doc.error(problem, f".line.{name}", "declare `stages: loopback`")
    _check_rates(doc, line, ".line")
    for number, hours in enumerate(line.hours):
        _check_rates(doc, hours, f".line.hours[{number}]")
    ranges = {
        "mtu": (line.mtu, 68, 65_535),
        "clock_offset_s": (line.clock_offset_s, -4e9, 4e9),
    }
    for name, (value, low, high) in ranges.items():
        _check_range(doc, name, value, low, high, ".line")
    if not set(line.silent_hops) <= _PLAYED_HOPS:
        raise doc.error("silent hops are 2 to 6", ".line.silent_hops")
    if not line.network:
        raise doc.error("a network has a name", ".line.network")


def check_round(
    doc: LocatedYaml, spec: RoundSpec, firewall: Collection[str], hosts: Collection[str] | None
) -> None:
    """Refuse a round without time, and hosts that are not in the world.

    ``firewall`` are the hosts that the line's machine lets nobody out to; ``hosts`` are the
    world's, ``None`` when the caller brings a catalog.

    Raises:
        InputError: with file, line, field and the mend.

    """
    if spec.seconds is not None and not 1 <= spec.seconds <= 86_400:
        raise doc.error("seconds is 1 to 86400", ".round.seconds")
    named = {f".line.firewall[{number}]": host for number, host in enumerate(firewall)}
    if spec.interrupted_at is not None:
        named[".round.interrupted_at"] = spec.interrupted_at
    for path, host in named.items():
        if hosts is not None and host not in hosts:
            mend = "a host of the scenario's own world, as it is written there"
            raise doc.error(f"there is no host {host!r}", path, mend)


def _check_rates(doc: LocatedYaml, line: LineSpec | Hours, path: str) -> None:
    ranges = {
        "latency_ms": (line.latency_ms, 0.0, 60_000.0),
        "loss": (line.loss, 0.0, 1.0),
        "queue_ms": (line.queue_ms, 0.0, 60_000.0),
        "down_kbit": (line.down_kbit, 1.0, 10_000_000.0),
        "up_kbit": (line.up_kbit, 1.0, 10_000_000.0),
    }
    for name, (value, low, high) in ranges.items():
        _check_range(doc, name, value, low, high, path)


def _check_range(
    doc: LocatedYaml, name: str, value: float | None, low: float, high: float, path: str
) -> None:
    if value is not None and (math.isnan(value) or not low <= value <= high):
        raise doc.error(f"{name} is {low:g} to {high:g}", f"{path}.{name}")


def check_expect(doc: LocatedYaml, expected: Expected, path: str) -> None:
    """Refuse an expectation that says nothing, or two things at once.

    Raises:
        InputError: with file, line, field and the mend.

    """
    verdict = bool(expected.service) and (expected.state or expected.unlike) is not None
    if expected.gate is None and not verdict:
        mend = "a service and a state, or a gate"
        raise doc.error("an expectation says nothing", path, mend)
    if expected.gate is not None:
        said = (expected.service, expected.host, expected.state or expected.unlike)
        if any(said):
            raise doc.error("a gate and a verdict are two expectations", path)
    if expected.may and expected.gate is None:
        raise doc.error("may is said of a gate", path, "for a verdict, not: and a state")
    if expected.state is not None and expected.unlike is not None:
        raise doc.error("a state and what it is not are two expectations", path)
