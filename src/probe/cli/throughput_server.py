"""The throughput service beside the control server: options, the socket, and what is said of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.output import say
from probe.model.address import authority
from probe.settings import Settings

if TYPE_CHECKING:
    from probe.clock import Clock

__all__ = ["NameOption", "ThroughputOption", "ThroughputPlace", "beside"]

ThroughputOption = Annotated[
    str | None,
    typer.Option(
        "--throughput",
        help="Also give and take bytes here, for lines that time transfers: address and port, "
        "TCP and UDP. Never on a line at home.",
        show_default=False,
    ),
]
NameOption = Annotated[
    list[str] | None,
    typer.Option(
        "--name",
        help="A name under which --throughput answers; may be repeated. One of them should be of "
        "no interest to anybody: example.com.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class ThroughputPlace:
    """Where the service listens, and under which names it answers."""

    address: str
    port: int
    names: frozenset[str]


@asynccontextmanager
async def beside(
    settings: Settings, place: ThroughputPlace | None, private_key: bytes, clock: "Clock"
) -> AsyncIterator[None]:
    """Serve bytes for the length of the block, where somebody asked for it."""
    if place is None:
        yield
        return
    from probe.control.certificate import own_certificate
    from probe.control.throughput import Ration
    from probe.control.throughput_door import throughput_at
    from probe.control.tokens import known_tokens, tokens_path

    tokens = tokens_path(settings.store)
    ration = Ration(lambda: known_tokens(tokens), clock, settings.day_bytes)
    with own_certificate(private_key, clock.now()) as tls:
        async with throughput_at(place.address, place.port, ration, place.names, tls) as door:
            at = door.listener
            shown = authority(at.address, at.port)
            say(
                f"Bytes at {shown}, TCP and UDP{'' if door.quic else ', without QUIC'},"
                f" under {_counted(len(place.names))}, {settings.day_bytes / 1e6:.0f} MB a day."
            )
            yield
            say(f"{door.server.served} transfers, {door.server.turned_away} turned away.")
            _say_problems(door.problems)


def _counted(names: int) -> str:
    return "1 name" if names == 1 else f"{names} names"


def _say_problems(problems: Sequence[str]) -> None:
    if problems:
        say(f"Bugs of ours ended transfers: {', '.join(problems)}.")
