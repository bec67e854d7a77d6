"""What this machine allows of stage ``netns``, tried out in a child that leaves nothing behind."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from probe.errors import ProbeError
from probe.lab.line import LabError
from probe.lab.netns import links
from probe.lab.netns.namespaces import Place, leave_the_machine
from probe.lab.netns.outlook import put_sysfs
from probe.lab.netns.syscalls import MS_NODEV, MS_NOEXEC, MS_NOSUID, mount
from probe.lab.netns.wires import open_packet, open_tun

__all__ = ["PROGRAMS", "Abilities", "Ability", "abilities", "daemon_program", "tried"]

PROGRAMS = {
    "unbound": ("unbound", "a recursive resolver; without it the lab's own answers"),
    "tor": ("tor", "relays and a bridge; without it the lab's own servers answer for them"),
    "obfs4proxy": ("obfs4proxy", "the bridge's disguise, behind tor"),
    "nginx": ("nginx-light", "a web server; without it the lab's own serves"),
    "caddy": ("caddy", "a web server with HTTP/3; without it the lab's own serves"),
    "openvpn": ("openvpn", "OpenVPN over UDP and TCP; without it the lab's own answers"),
    "wireguard-go": ("wireguard-go", "a WireGuard responder; without it the lab's own answers"),
    "charon": ("strongswan-charon", "an IKEv2 responder; without it the lab's own answers"),
    "turnserver": ("coturn", "a STUN server; without it the lab's own answers"),
}
"""Programs of the real world that the lab can run: Debian's package, and what they are for."""

_SBIN = ("/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/lib/ipsec")
_MAX_WORDS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """One thing that the lab uses, whether it is there, and what to do about it."""

    about: str
    works: bool
    needed: bool = True  # the stage cannot be played without it
    value: str = ""
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Abilities:
    """All of it."""

    lines: tuple[Ability, ...]

    def has(self, about: str) -> bool:
        """Return whether one of them works."""
        return any(line.works for line in self.lines if line.about == about)

    @property
    def lacking(self) -> tuple[Ability, ...]:
        """Return what is needed and not there; one kind of wire is enough."""
        missing = tuple(line for line in self.lines if line.needed and not line.works)
        if self.has("tun") or self.has("packet"):
            return missing
        return (*missing, *(line for line in self.lines if line.about in ("tun", "packet")))

    @property
    def daemons(self) -> tuple[str, ...]:
        """Return the programs of the real world that are installed."""
        return tuple(name for name in PROGRAMS if self.has(name))


def tried(attempt: Callable[[], str]) -> tuple[bool, str]:
    """Run ``attempt`` in a child and return whether it worked, and its words or its error's."""
    told, tell = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(told)
        code = 1
        try:
            os.write(tell, attempt().encode()[:_MAX_WORDS])
            code = 0
        except BaseException as exc:  # noqa: BLE001 - the end of this process: nobody is above it
            os.write(tell, (str(exc) or type(exc).__name__).encode()[:_MAX_WORDS])
        finally:
            os._exit(code)
    os.close(tell)
    with os.fdopen(told, "rb") as pipe:
        words = pipe.read().decode("utf-8", "replace")
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) == 0, words


def daemon_program(name: str) -> str | None:
    """Return where a daemon's program is, also outside of the path; ``None`` if nowhere."""
    found = shutil.which(name)
    return found or next(
        (str(place) for folder in _SBIN if (place := Path(folder) / name).is_file()), None
    )


def abilities() -> Abilities:
    """Try everything out; sends nothing, changes nothing."""
    return Abilities(tuple(_lines()))


def _lines() -> Iterator[Ability]:
    works, words = tried(_namespaces)
    yield Ability(
        about="namespaces", works=works, value=words if works else "", mend="" if works else words
    )
    program = links.ip_program()
    yield Ability(
        about="ip",
        works=program is not None,
        value=program or "",
        mend="" if program else "Debian: apt install iproute2",
    )
    yield from _kernel(works)
    for name, (package, purpose) in PROGRAMS.items():
        place = daemon_program(name)
        yield Ability(
            about=name,
            works=place is not None,
            needed=False,
            value=place or "",
            mend="" if place else f"Debian: apt install {package} ({purpose})",
        )


def _kernel(works: bool) -> Iterator[Ability]:
    """Yield what the kernel gives to a process that has left the machine."""
    attempts: tuple[tuple[str, Callable[[], str], bool, str], ...] = (
        ("links", _links, True, "the kernel needs veth (CONFIG_VETH; modprobe veth as root)"),
        ("routing", _routing, True, "/proc/sys is read-only: run outside of a container"),
        ("tun", _tun, False, "modprobe tun as root, or make /dev/net/tun readable and writable"),
        ("packet", _packet, False, "the kernel needs AF_PACKET (modprobe af_packet as root)"),
        (
            "sysfs",
            _sysfs,
            False,
            "without it no VPN is seen in the lab; run outside of a container",
        ),
        ("pids", _pids, False, "without it what a command leaves behind may outlive the lab"),
        ("ipv6", _ipv6, False, "the kernel has none: scenarios with IPv6 are not played"),
    )
    for about, attempt, needed, mend in attempts:
        if not works:
            yield Ability(about=about, works=False, needed=needed, mend="needs namespaces first")
            continue
        done, words = tried(attempt)
        yield Ability(
            about=about,
            works=done,
            needed=needed,
            value=words if done else "",
            mend="" if done else f"{mend} ({words})",
        )


def _namespaces() -> str:
    return "by a user namespace, without root" if leave_the_machine() else "as root"


def _links() -> str:
    leave_the_machine(pids=False)
    links.run_ip(["link add probe0 type veth peer name probe0r", "link set probe0 up"])
    return "veth"


def _routing() -> str:
    """Switch forwarding on, as the lab's first process would: with a /proc of its own if it can."""
    leave_the_machine()

    def within() -> str:
        with contextlib.suppress(OSError):
            mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        links.settle(Place.ROUTER)
        return "the kernel forwards"

    works, words = tried(within)
    if not works:
        raise LabError(words)
    return words


def _tun() -> str:
    leave_the_machine(pids=False)
    open_tun("probe1").close()
    return "/dev/net/tun"


def _packet() -> str:
    leave_the_machine(pids=False)
    links.run_ip(["link set lo up"])
    open_packet("lo", bytes(6)).close()
    return "AF_PACKET, in the place of TUN"


def _sysfs() -> str:
    leave_the_machine(pids=False)
    put_sysfs()
    return "shows the lab's interfaces"


def _pids() -> str:
    leave_the_machine()

    def within() -> str:
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        return "what is left behind ends with the lab"

    works, words = tried(within)
    if not works:
        raise LabError(words)
    return words


def _ipv6() -> str:
    if not links.has_ipv6():
        raise LabError("no /proc/sys/net/ipv6")
    return "in the kernel"


def first_problem(found: Abilities) -> ProbeError | None:
    """Return what to say when the stage cannot be played here."""
    lacking = found.lacking
    if not lacking:
        return None
    return LabError(f"the lab cannot be built here: {lacking[0].about}: {lacking[0].mend}")
