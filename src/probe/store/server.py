"""A database server behind a URL, which is asked for before its driver dials.

The driver is C: its sockets and name lookups raise no audit event, so the guard does not see them.
"""

import os
from collections.abc import Iterator

from sqlalchemy import Engine

from probe.errors import ForbiddenNetwork
from probe.net import guard

__all__ = ["check_server"]

_ONLY_WITHOUT_A_HOST = ("PGHOST",)
_ALWAYS = ("PGHOSTADDR", "PGSERVICE")
"""Variables by which the driver finds a server, the last two also where the URL names one."""


def check_server(engine: Engine) -> None:
    """Refuse a server that is not on this machine, where ``PROBE_NET`` says how far packets go.

    Without it, whoever wrote the URL has agreed that the server is connected to.

    Raises:
        ForbiddenNetwork: it is elsewhere, or a variable of the driver says where it is.

    """
    if guard.mode() is None:
        return
    hosts = list(_hosts(engine))
    for host in hosts:
        if not (host == "localhost" or host.startswith(("/", "@")) or guard.is_loopback(host)):
            raise ForbiddenNetwork(f"a store at {host!r}: only this machine's are allowed here")
    heard = _ALWAYS if hosts else (*_ONLY_WITHOUT_A_HOST, *_ALWAYS)
    named = [name for name in heard if os.environ.get(name)]
    if named:
        mend = "unset it, and name the host in the URL"
        raise ForbiddenNetwork(f"a store where {', '.join(named)} says: {mend}")


def _hosts(engine: Engine) -> Iterator[str]:
    """Yield the hosts that the URL names; one may name several, and an address beside a name."""
    _, arguments = engine.dialect.create_connect_args(engine.url)
    for key in ("host", "hostaddr"):
        yield from filter(None, str(arguments.get(key) or "").split(","))
    if arguments.get("service"):
        yield f"service {arguments['service']}"
    if arguments.get("conninfo"):  # a whole address of its own, maybe with a password
        yield "conninfo"
