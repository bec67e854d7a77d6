"""The controls of a run: snapshots in files, and live servers by URL, several and mixed."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

from probe.cli.output import say
from probe.errors import ConsentError, InputError
from probe.model.vantage import Access, Vantage
from probe.settings import Settings

if TYPE_CHECKING:
    from probe.cli.measuring import Stage
    from probe.control.address import ControlAddress
    from probe.control.client import LiveControl
    from probe.model.control import ControlObservation
    from probe.schedule.controls import Controls

__all__ = [
    "HOME_RISK",
    "controls_of",
    "is_live",
    "live_controls",
    "live_places",
    "permitted",
    "stage_controls",
    "token_for",
]

HOME_RISK = (
    "A live control is one rare host, and every line that asks it is seen talking to it: whoever"
    " watches can find all of them by that. On a line at home, use a snapshot in a file instead"
    " (probe control snapshot, on the other line)."
)


def is_live(place: str) -> bool:
    """Return whether a control is given as a URL, not as a file."""
    return "://" in place


def live_places(settings: Settings, given: Sequence[str]) -> tuple[str, ...]:
    """Return host and port of the live controls that a run would ask.

    Raises:
        InputError: a URL is none of a control server.

    """
    from probe.control.address import control_address

    named = (*given, *settings.controls)
    return tuple(control_address(place).place for place in named if is_live(place))


def stage_controls(
    settings: Settings, stage: "Stage", given: Sequence[str], vantage: Vantage
) -> "Controls":
    """Return the lab's own look from abroad, unless controls were given: then only these.

    Raises:
        ConsentError: a live control from a line at home, without saying that this is meant.
        InputError: a URL, a token or a trusted key is damaged.

    """
    if stage.controls is not None and not given:
        return stage.controls
    places = [str(place) for place in (*given, *settings.controls)]
    snapshots = controls_of(settings, [Path(p) for p in places if not is_live(p)], stage)
    live = live_controls(settings, [p for p in places if is_live(p)], stage, vantage)
    if not live:
        return snapshots
    from probe.control.panel import ControlPanel

    return ControlPanel(live, snapshots)


def controls_of(
    settings: Settings, files: Sequence[Path], stage: "Stage"
) -> "tuple[ControlObservation, ...]":
    """Return the observations of all snapshots that can be used; the others are said."""
    from probe.analysis.controls import from_snapshots
    from probe.control.keys import trusted_keys
    from probe.control.snapshot import load_snapshot

    now = stage.env.clock.now()
    keys = trusted_keys(settings.store) if files else frozenset()
    snapshots = []
    for file in files:
        try:
            snapshots.append(load_snapshot(file, keys=keys, now=now))
        except InputError as error:
            say(f"This control is not used: {error}")
    for other in snapshots:
        if other.catalog_digest != stage.catalog.digest:
            say(f"The control {other.id} was made with another catalog; what fits is used.")
    observations, stale = from_snapshots(snapshots, now)
    for old in stale:
        say(f"The control {old.snapshot} is not used: {old.reason}.")
    return observations


def live_controls(
    settings: Settings, urls: Sequence[str], stage: "Stage", vantage: Vantage
) -> "list[LiveControl]":
    """Return the live controls of ``urls``; asking them sends packets to nobody else.

    Raises:
        ConsentError: this is a line at home, and nobody said that it is meant.
        InputError: a URL or a token is damaged, or no key is trusted.

    """
    from probe.control.address import control_address
    from probe.control.client import LiveControl
    from probe.control.keys import trusted_keys
    from probe.net.machine import MachineNet
    from probe.net.trust import default_roots

    addresses = list(dict.fromkeys(control_address(url) for url in urls))
    if not addresses:
        return []
    permitted(settings, addresses, vantage)
    keys = trusted_keys(settings.store)
    if not keys:
        raise InputError("no key of a control is trusted yet", mend="probe control trust KEY")
    net, roots = MachineNet(), default_roots()
    return [
        LiveControl(
            address=address,
            token=token_for(settings, address),
            net=net,
            roots=roots,
            clock=stage.env.clock,
            rng=SystemRandom(),
            keys=keys,
            catalog_digest=stage.catalog.digest,
            name=f"live control {number}",
            say=say,
        )
        for number, address in enumerate(addresses, 1)
    ]


def permitted(settings: Settings, addresses: "Sequence[ControlAddress]", vantage: Vantage) -> None:
    """Let a line at home talk to a rare host only where somebody said that this is meant.

    Raises:
        ConsentError: nobody did.

    """
    from probe.net.guard import is_loopback

    outside = [address for address in addresses if not is_loopback(address.host)]
    if not outside or vantage.access is Access.HOSTING:
        return
    by_hand = settings.origins.get("live_control", "").startswith("flag ")
    if settings.live_control and (by_hand or not settings.high_risk):
        return
    raise ConsentError(
        f"{HOME_RISK} If it is meant all the same, add --live-control; if this line is a server's,"
        " say so: probe vantage set --access hosting. Nothing was sent"
    )


def token_for(settings: Settings, address: "ControlAddress") -> str:
    """Return the token for a server: environment, file, or asked for; never an argument."""
    from probe.control.tokens import access_path, checked_token, read_access

    found = read_access(access_path(settings.store), address.place, os.environ)
    if found is not None:
        return found
    if not sys.stdin.isatty():
        raise InputError(
            "there is no token for this live control",
            field="--control",
            mend="set PROBE_CONTROL_TOKEN, or run: probe control use URL",
        )
    import typer

    return checked_token(typer.prompt("Token of the live control", hide_input=True, err=True), "it")
