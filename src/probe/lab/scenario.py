"""The scenario language: a censor, the world that it stands in, and the verdicts expected.

A scenario is a YAML file. ``rules`` say who is hit, what is done, and when; ``expect`` says
what a right judge concludes. The same file is played by every stage that it declares.
Reading is pure but for the file itself; evaluation is in ``censor``.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from probe.errors import InputError
from probe.lab.actions import ACTIONS, By, Limit, Reach, Stage
from probe.lab.line_spec import HOME, Hours, Ipv6, LineSpec
from probe.lab.located import LocatedYaml, read_yaml
from probe.lab.round_spec import RoundSpec
from probe.lab.rules import Controls, Expected, Rule, Scenario, What, Who
from probe.lab.scenario_checks import (
    check_expect,
    check_line,
    check_round,
    check_what,
    check_who,
)
from probe.lab.windows import When, Window, compile_window, find_zone
from probe.model.target import Endpoint, Service

__all__ = ["load_scenario", "load_world", "scenario_names"]

_LISTS = {
    "": {"stages", "cdn"},
    "line": {"firewall"},
    "who": {
        "host",
        "except",
        "sni",
        "address",
        "port",
        "protocol",
        "message",
        "service",
        "category",
        "keyword",
        "looks",
    },
    "what": {"types", "answers"},
    "when": {"days"},
    "endpoints": {"alpn", "expected"},
    "expect": {"status"},
}
"""Per mapping, the fields that hold a list and may be written as one value."""

_INSTANTS = {"starts", "since", "until", "at"}


class _Rule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule as written."""

    id: str
    who: Who = Who()
    what: What
    when: tuple[When, ...] = ()
    by: By | None = None
    reach: Reach | None = None
    chance: float = 1.0
    after: int = 0
    times: int | None = None


class _Tunnel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tunnel that is not always on."""

    when: tuple[When, ...]


class _Network(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another network than usual, at some hours only."""

    name: str
    when: tuple[When, ...]


class _Hours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours at which a line is another, as written."""

    when: tuple[When, ...]
    latency_ms: float = 0.0
    loss: float = 0.0
    down_kbit: float | None = None
    up_kbit: float | None = None
    queue_ms: float = 200.0
    limit: Limit = Limit.SHAPED


class _Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line as written."""

    link: bool = True
    ipv4: bool = True
    mtu: int | None = None
    gateway: bool = True
    tunnel: bool | _Tunnel = False
    ipv6: Ipv6 = Ipv6.NONE
    clock_offset_s: float = 0.0
    network: str | _Network = HOME
    firewall: tuple[str, ...] = ()
    latency_ms: float = 0.0
    loss: float = 0.0
    down_kbit: float | None = None
    up_kbit: float | None = None
    queue_ms: float = 200.0
    limit: Limit = Limit.SHAPED
    hours: tuple[_Hours, ...] = ()
    silent_hops: tuple[int, ...] = ()
    aioquic: bool = True


class _World(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A world in a file of its own."""

    description: str
    services: list[dict[str, Any]]


class _Scenario(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A scenario as written; its services are checked apart.

    ``world`` names a world that is shipped; without it and without ``services`` the scenario
    plays in a catalog that the caller gives.
    """

    name: str
    description: str
    stages: frozenset[Stage] = frozenset({Stage.LOOPBACK})
    zone: str = "UTC"
    country: str = "ZZ"
    starts: datetime
    days: int = 1
    world: str | None = None
    services: list[dict[str, Any]] | None = None
    cdn: tuple[str, ...] = ()
    line: _Line = _Line()
    round: RoundSpec = RoundSpec()
    controls: Controls = Controls.LIVE
    rules: tuple[_Rule, ...] = ()
    expect: tuple[Expected, ...] = ()


def _shorthands(value: Any, key: str = "", within: str = "") -> Any:
    """Write out what the language lets one abbreviate.

    One value where a list is meant, ``what: nxdomain``, ``when: always``, one window for a list,
    days for instants. ``key`` is the field that holds ``value``, ``within`` its mapping's.
    """
    if isinstance(value, str | int) and key in _LISTS.get(within, ()):
        return [value]
    if isinstance(value, str):
        if key == "what":
            return {"action": value}
        if key == "when" and value == "always":
            return []
        return _full_instant(value) if key in _INSTANTS else value
    if isinstance(value, list):
        return [_shorthands(item, key, "list") for item in value]
    if isinstance(value, dict):
        written = {name: _shorthands(item, name, key) for name, item in value.items()}
        return [written] if key == "when" and within != "list" else written
    return value


def _full_instant(text: str) -> str:
    """Write out ``2026-03-02`` and ``2026-03-02 16:00``."""
    day, _, clock = text.replace(" ", "T").partition("T")
    if re.fullmatch(r"\d{2}:\d{2}", clock):
        clock += ":00"
    return f"{day}T{clock or '00:00:00'}"


def _convert(doc: LocatedYaml, data: Any, kind: Any, prefix: str = "") -> Any:
    try:
        return msgspec.convert(data, kind, strict=False)
    except msgspec.ValidationError as exc:
        if not prefix:
            raise doc.invalid(exc) from exc
        problem = str(exc).split(" - at ", maxsplit=1)[0]
        raise doc.error(problem, prefix + _path_of(exc)) from exc


def _path_of(exc: msgspec.ValidationError) -> str:
    _, _, path = str(exc).partition(" - at `$")
    return path.rstrip("`")


def _rules(
    doc: LocatedYaml, data: Any, raw: _Scenario, ids: frozenset[str] | None
) -> Iterator[Rule]:
    seen: set[str] = set()
    for index, rule in enumerate(raw.rules):
        path = f".rules[{index}]"
        if rule.id in seen:
            raise doc.error(f"the rule id {rule.id!r} is given twice", f"{path}.id")
        seen.add(rule.id)
        spec = ACTIONS[rule.what.action]
        if not raw.stages <= spec.stages:
            lacking = ", ".join(sorted(raw.stages - spec.stages))
            raise doc.error(f"{rule.what.action} cannot be played in {lacking}", f"{path}.what")
        if not 0 < rule.chance <= 1:
            raise doc.error("chance is above 0 and at most 1", f"{path}.chance")
        if rule.after < 0 or (rule.times is not None and rule.times < 1):
            raise doc.error("after is a count from 0, times from 1", path)
        check_who(doc, rule.who, spec.layers, f"{path}.who", ids)
        given = data["rules"][index]["what"]
        check_what(doc, rule.what, given, f"{path}.what", stages=raw.stages)
        yield Rule(
            id=rule.id,
            who=rule.who,
            what=rule.what,
            windows=_windows(doc, rule.when, raw.zone, f"{path}.when"),
            by=rule.by or spec.by,
            reach=rule.reach or spec.reach,
            chance=rule.chance,
            after=rule.after,
            times=rule.times,
            layers=spec.layers,
        )


def _windows(
    doc: LocatedYaml, written: tuple[When, ...], zone: str, path: str
) -> tuple[Window, ...]:
    windows: list[Window] = []
    for number, when in enumerate(written):
        try:
            windows.append(compile_window(when, zone))
        except ValueError as exc:
            raise doc.error(str(exc), f"{path}[{number}]") from exc
    return tuple(windows)


def _line(doc: LocatedYaml, raw: _Scenario, given: Mapping[str, Any]) -> LineSpec:
    """Return the line; a tunnel, or a network, with windows is spread over two fields."""
    written = raw.line
    tunnel = written.tunnel
    windows: tuple[Window, ...] = ()
    if isinstance(tunnel, _Tunnel):
        windows = _windows(doc, tunnel.when, raw.zone, ".line.tunnel.when")
    fields = {name: getattr(written, name) for name in written.__struct_fields__}
    hours = tuple(_hours(doc, raw, one, number) for number, one in enumerate(written.hours))
    own = {"tunnel": bool(tunnel), "tunnel_windows": windows, "hours": hours}
    network = written.network
    if isinstance(network, _Network):
        path = ".line.network.when"
        there = _windows(doc, network.when, raw.zone, path)
        if not there:
            raise doc.error("another network has a window", path, f"network: {network.name}")
        own |= {"network": network.name, "network_windows": there}
    line = LineSpec(**fields | own)
    check_line(doc, line, given, stages=raw.stages)
    return line


def _hours(doc: LocatedYaml, raw: _Scenario, written: _Hours, number: int) -> Hours:
    names = [name for name in Hours.__struct_fields__ if name != "windows"]
    windows = _windows(doc, written.when, raw.zone, f".line.hours[{number}].when")
    if not windows:
        raise doc.error("hours have a window", f".line.hours[{number}].when", "when: {daily: ...}")
    return Hours(windows=windows, **{name: getattr(written, name) for name in names})


def _services(
    doc: LocatedYaml, written: list[dict[str, Any]], checked_on: str
) -> tuple[Service, ...]:
    """Return a world's services; each endpoint inherits its service's id and a source."""
    services: list[Service] = []
    for index, item in enumerate(written):
        path = f".services[{index}]"
        fields = dict(item)
        endpoints = fields.pop("endpoints", None)
        if not isinstance(endpoints, list) or not endpoints:
            raise doc.error("a service has at least one endpoint", path)
        defaults = {
            "service": fields.get("id"),
            "source": "lab scenario",
            "checked_on": checked_on,
        }
        converted: list[Endpoint] = []
        for number, endpoint in enumerate(endpoints):
            at = f"{path}.endpoints[{number}]"
            if not isinstance(endpoint, dict):
                raise doc.error("an endpoint is a mapping of kind, host, ...", at)
            converted.append(_convert(doc, defaults | endpoint, Endpoint, at))
        service = _convert(doc, fields | {"endpoints": ()}, Service, path)
        services.append(msgspec.structs.replace(service, endpoints=tuple(converted)))
    ids = [service.id for service in services]
    if len(set(ids)) < len(ids):
        raise doc.error("a service id is given twice", ".services")
    return tuple(services)


def _world(doc: LocatedYaml, raw: _Scenario) -> tuple[Service, ...] | None:
    """Return the services of the scenario's own world, ``None`` when it plays in a catalog."""
    checked_on = raw.starts.date().isoformat()
    if raw.services is not None:
        if raw.world is not None:
            raise doc.error("a scenario has services or a world, not both", ".world")
        return _services(doc, raw.services, checked_on)
    if raw.world is None:
        return None
    names = _shipped("worlds")
    if raw.world not in names:
        raise doc.error(f"there is no world {raw.world!r}", ".world", ", ".join(names))
    return load_world(raw.world, checked_on)


def _hosts(services: tuple[Service, ...] | None) -> frozenset[str] | None:
    """Return the hosts of a world, ``None`` when the caller brings a catalog."""
    if services is None:
        return None
    return frozenset(endpoint.host for service in services for endpoint in service.endpoints)


def _file(folder: str, name: str) -> Path:
    return Path(str(resources.files("probe.lab") / folder / f"{name}.yaml"))


@cache
def _shipped(folder: str) -> tuple[str, ...]:
    files = (item.name for item in (resources.files("probe.lab") / folder).iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml")))


def _place(name_or_path: str | Path) -> Path:
    if isinstance(name_or_path, Path) or name_or_path.endswith((".yaml", ".yml")):
        return Path(name_or_path)
    if name_or_path in scenario_names():
        return _file("scenarios", name_or_path)
    close = get_close_matches(name_or_path[:100], scenario_names(), n=3)
    meant = f"did you mean {', '.join(close)}? " if close else ""
    mend = f"{meant}give a file, or a name of `probe lab scenarios`"
    raise InputError(f"there is no scenario {name_or_path!r}", mend=mend)


def scenario_names() -> tuple[str, ...]:
    """Return the names of the scenarios that are shipped."""
    return _shipped("scenarios")


@cache
def load_world(name: str, checked_on: str) -> tuple[Service, ...]:
    """Read the services of a shipped world, as of a day (ISO 8601).

    Raises:
        InputError: there is no such world.

    """
    names = _shipped("worlds")
    if name not in names:
        raise InputError(f"there is no world {name!r}", mend=", ".join(names))
    world = read_yaml(_file("worlds", name))
    written: _World = _convert(world, _shorthands(world.data), _World)
    return _services(world, written.services, checked_on)


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Read and check a shipped scenario (by name) or a file.

    Raises:
        InputError: with file, line, field and the mend.

    """
    doc = read_yaml(_place(name_or_path))
    data = _shorthands(doc.data)
    raw: _Scenario = _convert(doc, data, _Scenario)
    try:
        zone = find_zone(raw.zone)
    except ValueError as exc:
        raise doc.error(str(exc), ".zone") from exc
    if not 1 <= raw.days <= 366:
        raise doc.error("days is 1 to 366", ".days")
    if not raw.stages:
        raise doc.error("a scenario is played in at least one stage", ".stages")
    services = _world(doc, raw)
    ids = None if services is None else frozenset(service.id for service in services)
    check_round(doc, raw.round, raw.line.firewall, _hosts(services))
    for index, item in enumerate(raw.expect):
        check_expect(doc, item, f".expect[{index}]")
    starts = raw.starts if raw.starts.tzinfo else raw.starts.replace(tzinfo=zone)
    return Scenario(
        name=raw.name,
        description=raw.description,
        stages=raw.stages,
        zone=raw.zone,
        country=raw.country,
        starts=starts.astimezone(UTC),
        days=raw.days,
        services=services,
        cdn=raw.cdn,
        line=_line(doc, raw, data.get("line", {})),
        round=raw.round,
        controls=raw.controls,
        rules=tuple(_rules(doc, data, raw, ids)),
        expect=tuple(
            msgspec.structs.replace(
                item,
                at=None if item.at is None else item.at.replace(tzinfo=zone).astimezone(UTC),
            )
            for item in raw.expect
        ),
    )
