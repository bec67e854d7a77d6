"""What ``run`` and ``watch`` share about timed transfers: options, and the server of one's own."""

from typing import TYPE_CHECKING, Annotated

import typer

from probe.errors import InputError
from probe.settings import Settings

if TYPE_CHECKING:
    from probe.model.target import Catalog
    from probe.model.vantage import Vantage
    from probe.probes.transfer import OwnServer

__all__ = [
    "GoodputOption",
    "MeteredOption",
    "described_server",
    "own_server",
    "require_counting",
    "server_place",
]

GoodputOption = Annotated[
    bool,
    typer.Option(
        "--goodput",
        help="Time transfers at the end: files of the catalog, and names at goodput_server, "
        "beside neutral ones. At most goodput_rounds a day for each service.",
    ),
]
MeteredOption = Annotated[
    bool,
    typer.Option("--metered", help="Every byte is paid for: no transfers, no files."),
]


def require_counting(settings: Settings, *, goodput: bool, keep: bool, lab: str | None) -> None:
    """Refuse transfers that nobody counts: a store is what knows how many there were today.

    In the lab there is nobody to spare, and on a metered line there are none.

    Raises:
        InputError: transfers are asked for, and nothing is kept.

    """
    if goodput and not keep and lab is None and not settings.metered:
        raise InputError(
            "at most goodput_rounds rounds a day time transfers, and without a store nobody counts",
            field="--no-store",
            mend="leave out --goodput, or let the run keep what it measures",
        )


def server_place(settings: Settings) -> tuple[str, int] | None:
    """Return address and port of the throughput server, ``None`` where there is none.

    Raises:
        InputError: it is no URL of one, or names a host: a name would be asked for in the clear.

    """
    from probe.control.address import control_address
    from probe.model.address import parse_ip

    if settings.goodput_server is None:
        return None
    try:
        place = control_address(settings.goodput_server)
    except InputError as exc:
        raise InputError(exc.problem, field="goodput_server", mend="https://ADDRESS:PORT") from None
    literal = parse_ip(place.host)
    if literal is None:
        raise InputError(
            "names its host; transfers are timed under other names than its own",
            field="goodput_server",
            mend="https://ADDRESS:PORT",
        )
    return str(literal), place.port


def described_server(settings: Settings, catalog: "Catalog") -> "OwnServer | None":
    """Return the server as a dry run needs it: where it is, with nothing that opens it.

    Raises:
        InputError: it is no address and port, or a name of ``goodput_names`` is nobody's.

    """
    from probe.probes.transfer import OwnServer

    found = server_place(settings)
    if found is None:
        return None
    _require_names(settings, catalog)
    address, port = found
    return OwnServer(
        address=address, port=port, token="", keys=frozenset(), key_of=lambda _der: None
    )


def _require_names(settings: Settings, catalog: "Catalog") -> None:
    """Refuse names that no service shows: nothing would ever be timed under them, unsaid.

    Raises:
        InputError: a name of ``goodput_names`` is no service's.

    """
    from probe.schedule.goodput import named_among, shown_name

    known = {shown_name(one) for one in named_among(catalog.endpoints(), ())}
    for name in settings.goodput_names:
        if name not in known:
            raise InputError(
                f"{name} is the name of no service that a transfer could be timed for",
                field="goodput_names",
                mend="probe targets show SERVICE has the hosts of a service",
            )


def own_server(settings: Settings, vantage: "Vantage", catalog: "Catalog") -> "OwnServer | None":
    """Return the throughput server, with its token and the keys that are trusted.

    Raises:
        InputError: there is no token for it, no trusted key, or a name that is nobody's.
        ConsentError: this is a line at home, and nobody said that a rare host is meant.

    """
    from probe.cli.controlling import permitted, token_for
    from probe.control.address import control_address
    from probe.control.certificate import key_of_certificate
    from probe.control.keys import trusted_keys
    from probe.probes.transfer import OwnServer

    found = server_place(settings)
    if found is None or settings.goodput_server is None:
        return None
    _require_names(settings, catalog)
    place = control_address(settings.goodput_server)
    permitted(settings, [place], vantage)
    keys = trusted_keys(settings.store)
    if not keys:
        raise InputError("no key of a control is trusted yet", mend="probe control trust KEY")
    address, port = found
    return OwnServer(
        address=address,
        port=port,
        token=token_for(settings, place),
        keys=frozenset(keys),
        key_of=key_of_certificate,
    )
