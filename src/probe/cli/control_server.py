"""``probe control serve``, ``token`` and ``use``: the live control, at both of its ends."""

import os
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from probe.cli.measuring import AllOption, CountryOption, IncludeOption, LabOption, NamesArgument
from probe.cli.options import CatalogOption, ConfigOption, StoreOption
from probe.cli.output import say
from probe.cli.throughput_server import (
    NameOption,
    ThroughputOption,
    ThroughputPlace,
    beside,
)
from probe.errors import InputError
from probe.model.address import authority
from probe.model.target import Catalog, Category, Plan
from probe.model.vantage import Access, Vantage
from probe.settings import Settings

if TYPE_CHECKING:
    import asyncio

    from probe.control.lookout import Lookout
    from probe.net.listen import ServerTls
    from probe.schedule.choose import Wanted
    from probe.schedule.session import Session

__all__ = ["serve", "token", "use"]

_ROUND_S = 90.0  # the most that one look at a batch may take
_DAY_BYTES = 500_000_000  # of a server, unless its settings say otherwise
_HERE = "127.0.0.1:8443"

ListenOption = Annotated[
    str, typer.Option("--listen", help="Address and port; [::1]:8443 for IPv6.")
]
CertificateOption = Annotated[
    Path | None,
    typer.Option(
        "--certificate",
        help="PEM file with its chain; none: one made for the signing key, which lines trust.",
        show_default=False,
    ),
]
KeyOption = Annotated[
    Path | None,
    typer.Option("--key", help="PEM file of the certificate's key.", show_default=False),
]
PlainOption = Annotated[
    bool, typer.Option("--plain", help="Without TLS, behind a proxy of yours; on loopback only.")
]


def serve(
    names: NamesArgument = None,
    listen: ListenOption = _HERE,
    certificate: CertificateOption = None,
    key: KeyOption = None,
    plain: PlainOption = False,
    everything: AllOption = False,
    country: CountryOption = None,
    include: IncludeOption = None,
    throughput: ThroughputOption = None,
    name: NameOption = None,
    lab: LabOption = None,
    store: StoreOption = None,
    config: ConfigOption = None,
    catalog: CatalogOption = None,
) -> None:
    """Look at endpoints for lines that hold a token, from this trusted server, live and signed.

    For a rented server abroad, never for a line at home. It looks only at endpoints of its own
    catalog, keeps and logs nothing of who asked for what, and stops telling anything when its
    own line is unfit. It transfers at most day_bytes a day, 500 MB unless the settings say
    otherwise. Make tokens first: probe control token.
    """
    from probe.cli.measuring import settings_of, until_stopped
    from probe.schedule.choose import Wanted
    from probe.targets.load import load_catalog

    settings = settings_of(
        config=config,
        store=store,
        catalog=catalog,
        country=country,
        include=include,
        run_seconds=_ROUND_S,
    )
    if settings.origins.get("day_bytes", "default") == "default":
        settings = msgspec.structs.replace(settings, day_bytes=_DAY_BYTES)
    address, port = _place(listen)
    bytes_at = _throughput_place(throughput, name)
    files = _tls_files(certificate, key, address, plain=plain)
    place = _Place(address, port, files, plain, bytes_at)
    for own in place.addresses:
        _check_line(settings, own)
    _check_tokens(settings)
    wanted = Wanted(
        plan=Plan.ALL,
        names=tuple(names or ()),
        include=settings.include if lab is None else tuple(Category),
        everything=everything or lab is not None or not names,
        country=settings.country,
    )
    known = load_catalog(settings.catalog)

    async def work(stop: "asyncio.Event") -> None:
        await _served(settings, known, wanted, lab, place, stop)

    until_stopped(work, "stopping (once more: stop at once)")


@dataclass(frozen=True)
class _Place:
    """Where to listen, and how the lines know that it is this server."""

    address: str
    port: int
    files: "ServerTls | None"
    plain: bool
    throughput: ThroughputPlace | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return all addresses to listen on."""
        more = () if self.throughput is None else (self.throughput.address,)
        return (self.address, *more)


def _throughput_place(text: str | None, names: list[str] | None) -> ThroughputPlace | None:
    """Return where bytes are given, ``None`` when nobody asked for that.

    Raises:
        InputError: the address or a name is none, or one is given without the other.

    """
    from probe.control.throughput import checked_names

    if text is None:
        if names:
            raise InputError("is of --throughput", field="--name", mend="give both, or neither")
        return None
    address, port = _place(text, "--throughput")
    return ThroughputPlace(address, port, checked_names(names or ()))


def _place(text: str, field: str = "--listen") -> tuple[str, int]:
    """Return the IP literal and port of ``address:port``.

    Raises:
        InputError: it is none.

    """
    from probe.model.address import parse_ip

    address, colon, port = text.strip().rpartition(":")
    literal = parse_ip(address)
    if not colon or literal is None or not port.isdecimal() or int(port) > 65_535:
        raise InputError(
            f"{text[:60]!r} is no address and port", field=field, mend="such as 0.0.0.0:8443"
        )
    return str(literal), int(port)


def _tls_files(
    certificate: Path | None, key: Path | None, address: str, *, plain: bool
) -> "ServerTls | None":
    from probe.net.guard import is_loopback
    from probe.net.listen import ServerTls

    if (certificate is None) != (key is None):
        raise InputError("a certificate and its key belong together", field="--certificate")
    if plain and certificate is not None:
        raise InputError("is without a certificate", field="--plain")
    if plain and not is_loopback(address):
        raise InputError(
            "without TLS it listens on loopback only", field="--plain", mend="leave --plain out"
        )
    return None if certificate is None or key is None else ServerTls(certificate, key)


def _check_line(settings: Settings, address: str) -> None:
    """Refuse a line that is not a server's: who runs a control can be found by it.

    Raises:
        InputError: the line is not described as one.

    """
    from probe.net.guard import is_loopback

    if is_loopback(address):
        return
    line = _described(settings)
    access = settings.access if line is None else line.access
    if access in (Access.HOSTING, Access.ACADEMIC):
        return
    raise InputError(
        "this line is not described as a server's; on a line at home a control would show whose it"
        " is to all who ask it, and be asked for what those must not be seen with",
        mend="on a rented server: probe vantage set --access hosting",
    )


def _described(settings: Settings) -> Vantage | None:
    """Return what the store knows of this line, with what is said of it now; else ``None``."""
    from random import SystemRandom

    from probe.schedule.session import described_vantage

    return described_vantage(settings, SystemRandom())


def _check_tokens(settings: Settings) -> None:
    from probe.control.tokens import known_tokens, tokens_path

    if not known_tokens(tokens_path(settings.store)):
        raise InputError("nobody could ask: there is no token", mend="probe control token")


async def _served(
    settings: Settings,
    known: Catalog,
    wanted: "Wanted",
    lab: str | None,
    place: _Place,
    stop: "asyncio.Event",
) -> None:
    """Serve until stopped."""
    from probe.cli.lab_stage import lab_stage
    from probe.cli.measuring import consented, open_session, real_stage
    from probe.control.lookout import Lookout, served_by
    from probe.net import guard

    async with AsyncExitStack() as stack:
        if lab is not None:
            stage = await stack.enter_async_context(lab_stage(lab, known, abroad=True))
        else:
            consent = consented(known, wanted)
            stage = await stack.enter_async_context(real_stage(settings, known, consent))
            stage = replace(stage, vantage=_described(settings))
            for address in place.addresses:
                guard.check(address)  # before anything is sent
        session = stack.enter_context(open_session(settings, stage, None))
        place_of = replace(wanted, country=session.vantage.country)
        served = served_by(stage.catalog, place_of)
        if lab is None:
            await _leave_own_alone(session, place_of, place.address)
        lookout = Lookout(session, served, say)
        await _listen(settings, lookout, place, stop)


async def _leave_own_alone(session: "Session", wanted: "Wanted", address: str) -> None:
    """Let the server dial neither private addresses nor its own, whatever a name leads to."""
    from probe.control.dial import NotOwn
    from probe.schedule.choose import line_checks
    from probe.schedule.own_address import own_public_address

    _, stun = line_checks(session.catalog, wanted)
    public = await own_public_address(stun, session.env) if stun is not None else None
    own = {address, *session.line().addresses, *(() if public is None else (public,))}
    session.env = replace(session.env, dial=NotOwn(own))


async def _listen(
    settings: Settings, lookout: "Lookout", place: _Place, stop: "asyncio.Event"
) -> None:
    import asyncio
    from contextlib import ExitStack

    from probe.control.certificate import own_certificate
    from probe.control.keys import key_path, own_key, public_key
    from probe.control.server import ControlServer
    from probe.control.tokens import known_tokens, tokens_path
    from probe.net.listen import Bounds, listening

    signing = own_key(key_path(settings.store))
    tokens = tokens_path(settings.store)
    server = ControlServer(lookout, lambda: known_tokens(tokens), signing)
    with ExitStack() as files:
        tls = place.files
        if tls is None and not place.plain:
            now = lookout.session.clock.now()
            tls = files.enter_context(own_certificate(signing, now))
        bounds = Bounds(per_peer=Bounds().places) if place.plain else Bounds()  # all are the proxy
        async with (
            listening(place.address, place.port, server.serve, tls=tls, bounds=bounds) as listener,
            beside(settings, place.throughput, signing, lookout.session.clock),
        ):
            files.close()
            shown = authority(listener.address, listener.port)
            say(
                f"Listening on {'http' if tls is None else 'https'}://{shown};"
                f" {len(lookout.served)} endpoints of the catalog"
                f" {lookout.session.catalog.digest[:12]}, from {lookout.session.vantage.country}."
            )
            say(f"Lines that ask must trust this key: {public_key(signing)}")
            looking = asyncio.ensure_future(lookout.run())
            stopping = asyncio.ensure_future(stop.wait())
            try:
                await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                looking.cancel()
                await asyncio.wait({looking})
            say(f"{server.served} questions answered, {server.turned_away} turned away.")
            if listener.problems:
                say(f"Bugs of ours ended connections: {', '.join(sorted(set(listener.problems)))}.")
            if not looking.cancelled():
                looking.result()


def token(store: StoreOption = None, config: ConfigOption = None) -> None:
    """Make a token for a line that may ask this control, and print it once.

    Only its hash is kept, in a file beside the store; deleting a line there ends a token.
    """
    from probe.control.tokens import add_token, tokens_path
    from probe.settings import load

    settings = load(config=config, environ=os.environ, store=store)
    typer.echo(add_token(tokens_path(settings.store)))
    say("Give it to one person, by a way that nobody else reads. It is not shown again.")


def use(
    url: Annotated[
        str, typer.Argument(help="https://host:port of a live control.", show_default=False)
    ],
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Keep the token for a live control in a private file; it is asked for, never an argument.

    The file names the server: who finds it on this machine knows whom this line asks.
    """
    from probe.control.address import control_address
    from probe.control.tokens import access_path, checked_token, save_access
    from probe.settings import load

    settings = load(config=config, environ=os.environ, store=store)
    address = control_address(url)
    if sys.stdin.isatty():
        text = typer.prompt("Token of the live control", hide_input=True, err=True)
    else:
        text = sys.stdin.readline(1_000)
    path = access_path(settings.store)
    save_access(path, address.place, checked_token(text, "token"))
    say(f"Kept in {path}. Its key has to be trusted as well: probe control trust KEY")
