"""The lab's own processes, and what each place of it sees of the machine."""

import sys
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from probe.lab.ca import Authority, AuthorityName
from probe.lab.netns.addresses import Addresses
from probe.lab.netns.children import Children
from probe.lab.netns.namespaces import Ground, Place
from probe.lab.netns.outlook import Outlook, prepare_outlook
from probe.lab.netns.worker import Worker

__all__ = ["LEFT_OUT", "Surroundings", "start_workers"]

_WORKERS = {
    Place.INTERNET: ("the servers", "probe.lab.inside"),
    Place.ABROAD: ("the control abroad", "probe.lab.abroad"),
}

LEFT_OUT = frozenset(
    {
        "all_proxy",
        "ftp_proxy",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "curl_ca_bundle",
        "dbus_session_bus_address",
        "docker_host",
        "node_extra_ca_certs",
        "requests_ca_bundle",
        "ssl_cert_dir",
        "ssh_auth_sock",
        "ssl_cert_file",
        "localdomain",
        "res_options",
    }
)
"""Variables (in any case) that point past the lab: to a proxy, other roots, another resolver, or
a program outside that does what it is told."""


@dataclass(frozen=True)
class Surroundings:
    """Whom and what the places of one lab know."""

    ground: Ground
    folder: Path
    addresses: Addresses
    authorities: Mapping[AuthorityName, Authority]
    environment: Mapping[str, str]
    sysfs: bool
    _made: dict[Place, Outlook] = field(default_factory=dict)

    def variables(self, place: Place) -> dict[str, str]:
        """Return the environment of a process in ``place``."""
        kept = {n: v for n, v in self.environment.items() if n.lower() not in LEFT_OUT}
        return kept | {"PROBE_NET": f"lab:{self.ground.places[place].inode}"}

    def bundle(self, place: Place) -> Path:
        """Return the file that is the system's bundle of roots in ``place``."""
        return self.folder / place.value / "system.pem"

    def outlook(self, place: Place) -> Outlook:
        """Return the files of a place, prepared when somebody first goes there.

        Only the line's machine believes the state's authority.
        """
        if place not in self._made:
            self._made[place] = self._prepared(place)
        return self._made[place]

    def _prepared(self, place: Place) -> Outlook:
        pem = {name: one.certificate for name, one in self.authorities.items()}
        public, here = pem[AuthorityName.PUBLIC], place is Place.VANTAGE
        a = self.addresses
        return prepare_outlook(
            self.folder / place.value,
            nameservers=(a.nameserver if here else a.abroad_nameserver,),
            packaged=public,
            system=public + (pem[AuthorityName.SYSTEM_TRUSTED] if here else b""),
            pinned=pem[AuthorityName.SIGNAL],
            sysfs=self.sysfs,
        )


async def start_workers(
    around: Surroundings, children: Children, said: Callable[[str], None], stack: AsyncExitStack
) -> dict[Place, Worker]:
    """Start the servers and the control abroad; ``stack`` ends them.

    Raises:
        LabError: one could not be started.

    """
    hired: dict[Place, Worker] = {}
    for place, (name, module) in _WORKERS.items():
        worker = await Worker.start(
            around.ground,
            children,
            name=name,
            place=place,
            command=[sys.executable, "-m", module],
            outlook=around.outlook(place),
            environment=around.variables(place),
        )
        stack.push_async_callback(worker.aclose)
        worker.on_end(said)
        hired[place] = worker
    return hired
