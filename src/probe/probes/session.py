"""What the steps of one measurement share."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from probe.errors import InputError
from probe.model.address import parse_ip
from probe.model.target import Endpoint
from probe.probes.env import ProbeEnv
from probe.probes.options import ProbeOptions
from probe.probes.recorder import Recorder

__all__ = ["Attempt", "Session", "ascii_host"]

Attempt = Callable[[str], Awaitable[bool]]
"""One attempt at an address; returns whether it passed."""


@dataclass(slots=True)
class Session:
    """One measurement being taken; ``listeners`` are tasks that it waits for at its end.

    ``reason`` says why less was measured than the kind asks for.
    """

    env: ProbeEnv
    options: ProbeOptions
    recorder: Recorder
    listeners: asyncio.TaskGroup
    reason: str | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Return what is measured."""
        return self.recorder.endpoint


def ascii_host(host: str) -> str:
    """Return ``host`` as it goes on the wire: a literal as it is, a name in A-labels.

    Raises:
        InputError: for a name that has no such form.

    """
    if host.isascii() or parse_ip(host) is not None:
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError as exc:
        raise InputError(f"not a host name: {host!r}") from exc
