"""What a place of the lab sees of the machine's files: its resolver, its roots, its interfaces.

Files are put over the machine's own in a mount namespace that only the process has; nothing on
the disk changes. Sockets of the machine's name-service daemons are covered, too: a lookup that
went to one of them would be answered, or asked outside, by the machine.
"""

from dataclasses import dataclass
from pathlib import Path

from probe.lab.line import LabError
from probe.lab.netns.syscalls import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    NEWNS,
    mount,
    unshare,
)

__all__ = ["BUNDLES", "DAEMONS", "Outlook", "prepare_outlook", "put_sysfs"]

BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",
)

DAEMONS = (
    "/run/nscd/socket",
    "/run/systemd/resolve/io.systemd.Resolve",
    "/run/systemd/resolve/io.systemd.Resolve.Monitor",
    "/run/systemd/private",
    "/run/dbus/system_bus_socket",
    "/run/avahi-daemon/socket",
    "/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/containerd/containerd.sock",
)
"""Sockets behind which a daemon of the machine looks names up, or runs programs outside."""

_SESSIONS = ("*/bus", "*/systemd/private", "*/podman/podman.sock", "*/docker.sock")
"""The same of people who are signed in, under /run/user: a browser asks by its bus whether it
is running already, and has the one outside open the page."""

_HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n"
_NSSWITCH = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"


@dataclass(frozen=True, slots=True)
class Outlook:
    """Which file is seen in the place of which."""

    covers: tuple[tuple[str, str], ...]  # (what is seen, in whose place)
    sysfs: bool = True

    def put_on(self) -> None:
        """See the machine so from now on; the process gets a mount namespace of its own.

        Raises:
            LabError: a mount was refused.

        """
        try:
            unshare(NEWNS)
            mount("none", "/", flags=MS_REC | MS_PRIVATE)
            for source, target in self.covers:
                mount(source, target, flags=MS_BIND)
        except OSError as exc:
            raise LabError(f"the lab's files cannot be put in place: {exc.strerror}") from exc
        if self.sysfs:
            put_sysfs()


def put_sysfs() -> None:
    """Mount a sysfs that shows this network namespace's interfaces.

    Raises:
        LabError: it was refused, as it is in some containers.

    """
    try:
        mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError as exc:
        raise LabError(f"no sysfs can be mounted: {exc.strerror}") from exc


def prepare_outlook(
    folder: Path,
    *,
    nameservers: tuple[str, ...],
    packaged: bytes,
    system: bytes,
    pinned: bytes,
    sysfs: bool = True,
    root: Path = Path("/"),
) -> Outlook:
    """Write a place's files into ``folder`` and return which of the machine's they cover.

    ``packaged`` is what certifi's file shows there, ``system`` the machine's bundle, ``pinned``
    the root of Signal's; all PEM.
    """
    import certifi

    from probe.lab.own_keys import lab_keys
    from probe.net import trust
    from probe.net.known_keys import KEYS_FILE, known_keys_text

    data = Path(trust.__file__).parent / "data"
    folder.mkdir(mode=0o755)
    lines = "".join(f"nameserver {server}\n" for server in nameservers)
    written = {
        "resolv.conf": f"{lines}options timeout:2 attempts:2\n".encode(),
        "hosts": _HOSTS.encode(),
        "nsswitch.conf": _NSSWITCH.encode(),
        "packaged.pem": packaged,
        "system.pem": system,
        "pinned.pem": pinned,
        "known_keys.json": known_keys_text(lab_keys()),
        "nothing": b"",
    }
    for name, content in written.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o644)
    wanted = [
        ("resolv.conf", root / "etc/resolv.conf"),
        ("hosts", root / "etc/hosts"),
        ("nsswitch.conf", root / "etc/nsswitch.conf"),
        *(("system.pem", root / bundle.lstrip("/")) for bundle in BUNDLES),
        ("packaged.pem", Path(certifi.where())),
        ("pinned.pem", data / "signal_root.pem"),
        ("known_keys.json", data / KEYS_FILE.name),
        *(("nothing", root / daemon.lstrip("/")) for daemon in DAEMONS),
        *(("nothing", one) for place in _SESSIONS for one in (root / "run/user").glob(place)),
    ]
    covers: dict[str, str] = {}
    for name, target in wanted:
        real = target.resolve()
        if real.exists() and not real.is_dir():
            covers.setdefault(str(real), str(folder / name))
    return Outlook(tuple((source, target) for target, source in covers.items()), sysfs)
