"""Network namespaces by their file descriptors: made here, entered and left by one thread.

A namespace lives as long as a process is in it or somebody holds its descriptor, so nothing has
to be removed: when the box ends, everything is gone.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from probe.lab.line import LabError
from probe.lab.netns.syscalls import (
    MS_PRIVATE,
    MS_REC,
    NEWNET,
    NEWNS,
    NEWPID,
    NEWUSER,
    mount,
    setns,
    unshare,
)

__all__ = ["Ground", "Namespace", "Place", "leave_the_machine", "make_ground"]


class Place(StrEnum):
    """The namespaces of the lab; the box itself is in one more, which has no link at all."""

    VANTAGE = "vantage"
    ROUTER = "router"  # the vantage's home router
    ABROAD = "abroad"  # the uncensored control
    ABROAD_ROUTER = "abroad_router"
    INTERNET = "internet"


@dataclass(frozen=True, slots=True)
class Namespace:
    """One network namespace; ``fd`` keeps it alive."""

    fd: int
    inode: int

    @classmethod
    def of_this_thread(cls) -> "Namespace":
        """Return the namespace that this thread is in.

        Raises:
            OSError: there is no readable /proc.

        """
        fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        return cls(fd, os.fstat(fd).st_ino)


@dataclass(frozen=True, slots=True)
class Ground:
    """All namespaces of one lab."""

    home: Namespace
    places: dict[Place, Namespace]

    @contextmanager
    def inside(self, place: Place) -> Iterator[Namespace]:
        """Let this thread be in ``place``; sockets, devices and children made there stay there."""
        namespace = self.places[place]
        setns(namespace.fd, NEWNET)
        try:
            yield namespace
        finally:
            setns(self.home.fd, NEWNET)


def leave_the_machine(*, pids: bool = True) -> bool:
    """Leave the machine's network, mounts and process ids; children are born into new ones.

    Without the right to (root that has CAP_SYS_ADMIN), a user namespace is made first, in which
    this process is root. Returns whether that was needed. The process must have one thread.

    Raises:
        LabError: this machine allows neither; says which setting forbids it, as far as known.

    """
    flags = NEWNET | NEWNS | (NEWPID if pids else 0)
    user, group = os.geteuid(), os.getegid()
    unprivileged = False
    try:
        unshare(flags)
    except PermissionError:
        try:
            unshare(NEWUSER | flags)
        except OSError as exc:
            raise LabError(f"no namespaces here: {exc.strerror} ({_hint()})") from exc
        unprivileged = True
        _map_to_root(user, group)
    except OSError as exc:
        raise LabError(f"no namespaces here: {exc.strerror}") from exc
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    return unprivileged


def _map_to_root(user: int, group: int) -> None:
    """Be root inside: the only mapping that an unprivileged process may write (user_namespaces(7)).

    Raises:
        LabError: it was refused.

    """
    me = Path("/proc/self")
    try:
        (me / "setgroups").write_text("deny")
        (me / "uid_map").write_text(f"0 {user} 1")
        (me / "gid_map").write_text(f"0 {group} 1")
    except OSError as exc:
        raise LabError(f"no user namespace here: {exc.strerror} ({_hint()})") from exc


_SWITCHES = {
    "kernel/unprivileged_userns_clone": ("0", "sysctl kernel.unprivileged_userns_clone=1"),
    "kernel/apparmor_restrict_unprivileged_userns": (
        "1",
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    "user/max_user_namespaces": ("0", "sysctl user.max_user_namespaces=10000"),
}
"""Settings of Debian, Ubuntu and every kernel that forbid what the lab needs, and their mends."""


def _hint(root: Path = Path("/proc/sys")) -> str:
    """Return the mend: the setting that stands in the way, or root."""
    for name, (value, mend) in _SWITCHES.items():
        try:
            if (root / name).read_text(encoding="ascii").strip() == value:
                return mend
        except OSError:
            continue
    return "run as root, or outside of a container that forbids it"


def make_ground() -> Ground:
    """Make the lab's namespaces; the thread ends in the one it was in, which is the box's.

    Raises:
        LabError: the kernel refuses.

    """
    try:
        home = Namespace.of_this_thread()
        places = {}
        for place in Place:
            unshare(NEWNET)
            places[place] = Namespace.of_this_thread()
        setns(home.fd, NEWNET)
    except OSError as exc:
        raise LabError(f"the namespaces could not be made: {exc.strerror}") from exc
    return Ground(home, places)
