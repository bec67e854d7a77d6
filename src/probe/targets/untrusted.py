"""What a stranger's target file may not do.

A file given by ``--catalog`` may have come by mail or chat. It can ask for measurements of public
hosts in a category that its reader consents to, and nothing else: it cannot decide how the line
itself is judged, point at services that no target of ours uses (mail, remote administration,
file sharing, databases), send bodies, ask resolvers that nobody offered, or lower a risk.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import structs

from probe.model.target import Catalog, Endpoint, Kind, Plan, Purpose, Risk, Service
from probe.targets.defaults import rank
from probe.targets.rules import Problem

__all__ = ["MAX_ENDPOINTS", "KnownHosts", "borrowed_ids", "line_controls", "untrusted_problems"]

MAX_ENDPOINTS = 2_000

_CLOSED_PORTS = frozenset(
    (
        *(7, 9, 13, 17, 19, 20, 21, 22, 23, 25, 37, 67, 68, 69, 79, 110, 111, 113, 119, 123),
        *(135, 137, 138, 139, 143, 161, 162, 179, 389, 445, 465, 502, 512, 513, 514, 515, 548),
        *(554, 587, 623, 631, 636, 873, 902, 993, 995, 1433, 1521, 1883, 1900, 2049, 2323, 2375),
        *(2376, 2379, 3306, 3389, 5060, 5061, 5353, 5355, 5432, 5555, 5672, 5900, 5985, 5986),
        *(6379, 6443, 7547, 9000, 9042, 9100, 9200, 10250, 11211, 27017, 47808),
    )
)
"""Services that a scan looks for, and UDP services that amplify."""


def line_controls(packaged: Catalog) -> tuple[Service, ...]:
    """Return the services by which the line is judged in every round.

    With only what that needs: the anchors, and the core's controls (the page that answers 204).
    """
    found = ((s, tuple(e for e in s.endpoints if _judges_line(e))) for s in packaged.services)
    return tuple(structs.replace(s, endpoints=kept) for s, kept in found if kept)


def _judges_line(endpoint: Endpoint) -> bool:
    return endpoint.anchor or (endpoint.purpose is Purpose.CONTROL and endpoint.plan is Plan.CORE)


class KnownHosts:
    """What the packaged catalog says of hosts: their risk, and which resolvers are public."""

    def __init__(self, packaged: Catalog) -> None:
        """Index the packaged catalog."""
        risks: dict[str, Risk] = {}
        for endpoint in packaged.endpoints():
            if endpoint.host_header is None:  # a front is an innocent bystander
                name = endpoint.host.removeprefix("www.")
                risks[name] = max(risks.get(name, Risk.BASELINE), endpoint.risk, key=rank)
        self._risks: Mapping[str, Risk] = risks
        self.resolvers = frozenset(
            endpoint.host for endpoint in packaged.endpoints() if endpoint.kind is Kind.RESOLVER
        )
        self.controls = line_controls(packaged)

    def floor_of(self, endpoint: Endpoint) -> Risk:
        """Return the risk of all names that a look at ``endpoint`` shows to the line."""
        shown = (endpoint.host, endpoint.sni, endpoint.host_header)
        return max((self.floor(name) for name in shown if name is not None), key=rank)

    def floor(self, host: str) -> Risk:
        """Return the risk of ``host``, or of the closest known name above it, at least medium."""
        labels = host.split(".")
        for start in range(max(1, len(labels) - 1)):
            known = self._risks.get(".".join(labels[start:]))
            if known is not None:
                return max(known, Risk.MEDIUM, key=rank)
        return Risk.MEDIUM


def borrowed_ids(
    services: Sequence[Service], known: KnownHosts
) -> Iterator[tuple[Service, Problem]]:
    """Yield the services that carry the id of a packaged control, which stays."""
    reserved = {service.id for service in known.controls}
    for service in services:
        if service.id in reserved:
            text = f"{service.id} is a control of the packaged catalog"
            yield service, Problem("id", text, "choose another id")


def untrusted_problems(endpoint: Endpoint, known: KnownHosts) -> Iterator[Problem]:
    """Yield what this endpoint may not do because a stranger wrote it."""
    if endpoint.anchor or endpoint.purpose is not Purpose.TARGET:
        field = "anchor" if endpoint.anchor else "purpose"
        yield Problem(
            field,
            "controls and anchors decide how the line is judged; only the packaged catalog has any",
            "use purpose: target",
        )
    if endpoint.port in _CLOSED_PORTS:
        yield Problem("port", f"port {endpoint.port} is not measured", "name the service's port")
    if endpoint.method == "POST":
        yield Problem("method", "a file from elsewhere may not POST", "use GET or HEAD")
    if endpoint.kind is Kind.RESOLVER and endpoint.host not in known.resolvers:
        yield Problem(
            "host", "not a public resolver of the packaged catalog", "name one that is offered"
        )
    floor = known.floor_of(endpoint)
    if rank(endpoint.risk) < rank(floor):
        name = endpoint.sni or endpoint.host_header or endpoint.host
        yield Problem("risk", f"{name} is {floor} at least", f"write risk: {floor}")
