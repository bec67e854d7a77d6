"""Where packets of this process may go, enforced below every library.

``PROBE_NET`` is ``loopback``, or ``lab:<inode of the network namespace>``, or unset. Unset means
the real network, and then only after a consent was shown to ``permit``; until that, loopback.
The audit hook sees ``connect``, ``sendto``, ``sendmsg`` and name lookups of every library in the
process, and cannot be removed. What it does not see: a child process (it inherits the variable),
packets that the kernel sends by itself, and ``ConnectEx`` of Windows' event loop, for which
``net.sockets`` asks ``check`` before it dials.
"""

import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from probe.consent import Consent
from probe.errors import ForbiddenNetwork
from probe.model.address import parse_ip

__all__ = [
    "LAB_INTERFACES",
    "Namespace",
    "Policy",
    "check",
    "confine",
    "in_lab",
    "install",
    "is_loopback",
    "mode",
    "permit",
]

LAB_INTERFACES = "probe"
"""Interfaces that the lab makes are named so (``probe0``); a route by any other leads out."""

_TUNNELS = frozenset(
    "tunl0 gre0 gretap0 erspan0 ip_vti0 ip6_vti0 sit0 ip6tnl0 ip6gre0".split()  # noqa: SIM905
)
"""Interfaces that the kernel puts into every namespace; they lead nowhere without a route."""

_INTERNET = frozenset({int(socket.AF_INET), int(socket.AF_INET6)})
_LOCAL_FAMILIES = frozenset(
    int(getattr(socket, name)) for name in ("AF_UNIX", "AF_NETLINK") if hasattr(socket, name)
)
_LOOPBACK = frozenset({"127.0.0.1", "::1"})


def is_loopback(address: str) -> bool:
    """Return whether ``address`` is a literal of 127.0.0.0/8 or ::1 and nothing else.

    ``0.0.0.0`` and ``::`` (which some systems take for this host) and IPv4 inside IPv6 are not.
    """
    if address in _LOOPBACK:
        return True
    ip = parse_ip(address.partition("%")[0])
    if ip is None:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return ip.is_loopback if mapped is None else bool(mapped.is_loopback)


@dataclass(frozen=True, slots=True)
class Namespace:
    """The network namespace that this process is in, as the kernel shows it under ``proc``."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")

    def inode(self) -> int | None:
        """Return the inode that names the namespace, ``None`` where there is no such thing."""
        try:
            return (self.proc / "self/ns/net").stat().st_ino
        except OSError:
            return None

    def ways_out(self) -> tuple[str, ...]:
        """Return the interfaces, other than loopback and the lab's own, that may lead out.

        An interface that is merely there counts: routes of policy tables are in no file. So does
        a device of the machine with a name like the lab's, whose own have none behind them. What
        cannot be read (Android hides all of it) counts too, but for IPv6 that the kernel lacks.
        """
        routed = self._column("net/route", 0, head=1) | self._column("net/ipv6_route", -1)
        there = {name.partition(":")[0] for name in self._column("net/dev", 0, head=2)}
        names = routed | (there - _TUNNELS)
        return tuple(sorted(name for name in names if name != "lo" and not self._is_labs(name)))

    def _is_labs(self, name: str) -> bool:
        device = self.sys / "class/net" / name / "device"
        return name.startswith(LAB_INTERFACES) and not device.exists()

    def _column(self, table: str, column: int, *, head: int = 0) -> set[str]:
        try:
            lines = (self.proc / table).read_text(encoding="ascii", errors="replace").splitlines()
        except OSError as exc:
            missing = isinstance(exc, FileNotFoundError) and table == "net/ipv6_route"
            return set() if missing else {f"what {table} would say"}
        return {line.split()[column] for line in lines[head:] if line.strip()}


@dataclass(slots=True)
class Policy:
    """One rule of where packets may go, decided from the value of ``PROBE_NET``."""

    value: str | None
    namespace: Namespace = field(default_factory=Namespace)
    consented: bool = False
    confined: bool = False

    def __post_init__(self) -> None:
        """Refuse a value that is not known, and a lab that is not this namespace.

        Raises:
            ForbiddenNetwork: for either.

        """
        if self.value in (None, "loopback"):
            return
        if self._lab_inode() is None:
            raise ForbiddenNetwork(
                f"PROBE_NET={self.value!r} is not known (loopback, lab:<inode>, or unset)"
            )
        self._check_lab()
        out = self.namespace.ways_out()
        if out:
            raise ForbiddenNetwork(f"the lab's namespace has a route out, by {', '.join(out)}")

    def allows(self, address: str) -> bool:
        """Return whether a packet may go to ``address`` (an IP literal)."""
        if is_loopback(address):
            return True
        return self.open and parse_ip(address.partition("%")[0]) is not None

    def allows_name(self, name: str) -> bool:
        """Return whether ``name`` may be looked up; literals and localhost send no packet.

        In the lab every name may: the resolver that its files name is the lab's own.
        """
        if name in ("", "localhost") or parse_ip(name.partition("%")[0]) is not None:
            return True
        return self.open

    @property
    def open(self) -> bool:
        """Return whether packets may go to any address: after consent, or within the lab now."""
        if self.confined or self.value == "loopback":
            return False
        if self.value is None:
            return self.consented
        return self.in_lab

    @property
    def in_lab(self) -> bool:
        """Return whether this process is, at this moment, in the lab that ``PROBE_NET`` names."""
        inode = self._lab_inode()
        return inode is not None and not self.confined and self.namespace.inode() == inode

    def _lab_inode(self) -> int | None:
        kind, _, inode = (self.value or "").partition(":")
        return int(inode) if kind == "lab" and inode.isdecimal() else None

    def _check_lab(self) -> None:
        if self.namespace.inode() != self._lab_inode():
            raise ForbiddenNetwork(f"PROBE_NET={self.value} names another network namespace")


_policy: Policy | None = None


def mode() -> str | None:
    """Return the value of ``PROBE_NET`` that is in force, ``None`` when it was not set."""
    return _current().value


def _current() -> Policy:
    global _policy  # noqa: PLW0603 - one process has one guard
    if _policy is None:
        _policy = Policy(os.environ.get("PROBE_NET"))
    return _policy


def install() -> None:
    """Put the guard in force for the rest of the process; calling it again changes nothing.

    Raises:
        ForbiddenNetwork: when ``PROBE_NET`` is not known, or names another namespace.

    """
    _current()
    if not _Hook.installed:
        _Hook.installed = True
        sys.addaudithook(_audit)
        _refuse_names()


class _Hook:
    """Whether the audit hook is in place (it cannot be removed)."""

    installed = False


def _refuse_names() -> None:
    """Check names before ``connect`` and ``sendto`` resolve them.

    CPython looks a name in an address up before it raises the audit event, so the hook alone
    would be a DNS query too late. The methods of ``socket.socket`` are wrapped for that case.
    """
    for method in ("connect", "connect_ex", "sendto", "sendmsg"):
        if hasattr(socket.socket, method):
            setattr(socket.socket, method, _checked(getattr(socket.socket, method)))


def _checked(send: Callable[..., Any]) -> Callable[..., Any]:
    def checked(sock: socket.socket, *args: Any) -> Any:
        address = args[-1] if args else None
        if type(address) is tuple and address and address[0] not in _LOOPBACK:
            _check_tuple(sock, address)
        return send(sock, *args)

    return wraps(send)(checked)


def _check_tuple(sock: socket.socket, address: tuple[Any, ...]) -> None:
    host = address[0]
    if sock.family in _INTERNET and isinstance(host, str | bytes | bytearray):
        _check_host(host if isinstance(host, str) else host.decode("ascii", "replace"))


def permit(consent: Consent) -> None:
    """Open the real network to this process, if ``PROBE_NET`` is unset: consent was given."""
    del consent  # that there is one is what counts; what it covers is checked where targets are
    install()
    _current().consented = True


def confine() -> None:
    """Allow nothing but loopback for the rest of the process; there is no way back."""
    install()
    _current().confined = True


def check(address: str) -> None:
    """Refuse an address that packets may not go to.

    Raises:
        ForbiddenNetwork: when it is one.

    """
    if address in _LOOPBACK:
        return
    if not _current().allows(address):
        raise ForbiddenNetwork(_refusal(address))


def _refusal(what: str) -> str:
    value = _current().value
    if _current().confined or value == "loopback":
        return f"{what} is not loopback, and nothing else is allowed here"
    if value is not None:
        return f"{what} is outside of the lab ({value})"
    return f"{what}: no packet leaves before consent is given"


def _on_socket(args: tuple[Any, ...]) -> None:
    """Check ``connect``, ``sendto`` and ``sendmsg``: (socket, address)."""
    sock, address = args[0], args[1]
    if address is None:  # a connected socket; its connect was checked
        return
    family = sock.family
    if family in _INTERNET:
        host = address[0]
        if host not in _LOOPBACK:
            _check_host(host if isinstance(host, str) else str(host))
    elif family not in _LOCAL_FAMILIES and not _open():
        raise ForbiddenNetwork(_refusal(f"a socket of family {int(family)}"))


def _open() -> bool:
    return _current().open


def in_lab() -> bool:
    """Return whether this process stands in the lab, looked up afresh; that needs no consent."""
    return _current().in_lab


def _check_host(host: str) -> None:
    """Refuse names too: ``connect`` would resolve them by itself; ``""`` means 0.0.0.0."""
    if host == "localhost":
        return
    literal = host.partition("%")[0]
    if parse_ip(literal) is None and not _open():
        raise ForbiddenNetwork(_refusal(repr(host)))
    if parse_ip(literal) is not None:
        check(literal)


def _on_lookup(args: tuple[Any, ...]) -> None:
    """Check ``getaddrinfo`` and ``gethostbyname``: the name comes first."""
    name = args[0]
    if name is None:
        return
    text = name.decode("ascii", "replace") if isinstance(name, bytes | bytearray) else str(name)
    if not _current().allows_name(text):
        raise ForbiddenNetwork(_refusal(f"looking up {text!r}"))


def _on_reverse(args: tuple[Any, ...]) -> None:
    """Check ``gethostbyaddr`` and ``getnameinfo``: for a literal, too, they ask a resolver."""
    place = args[0]
    host = place[0] if isinstance(place, tuple) and place else place
    text = host.decode("ascii", "replace") if isinstance(host, bytes | bytearray) else str(host)
    if text not in ("", "localhost") and not is_loopback(text) and not _open():
        raise ForbiddenNetwork(_refusal(f"looking up {text!r}"))


_WATCHED: dict[str, Callable[[tuple[Any, ...]], None]] = {
    "socket.connect": _on_socket,
    "socket.sendto": _on_socket,
    "socket.sendmsg": _on_socket,
    "socket.getaddrinfo": _on_lookup,
    "socket.gethostbyname": _on_lookup,
    "socket.gethostbyaddr": _on_reverse,
    "socket.getnameinfo": _on_reverse,
}


def _audit(event: str, args: tuple[Any, ...]) -> None:
    """Look at the few events that send; this runs for every audit event of the process."""
    watch = _WATCHED.get(event)
    if watch is not None:
        watch(args)
