"""A store of three days as the pages show it: one service cut in the evenings, one that works.

With a hostile one as well: names, titles and certificates that a stranger chose.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from store_records import LINE, blocked, context, good

from probe.model.context import GateId
from probe.model.measurement import HttpStep, TlsStep
from probe.model.record import Record
from probe.model.target import Catalog, Category, Endpoint, Kind, Role, Service
from probe.model.vantage import Access, Network, Vantage
from probe.store.database import Store

START = datetime(2026, 3, 1, 0, 10, tzinfo=UTC)
NOW = START + timedelta(days=4)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202egpj\x07{{7*7}}"
FAR = Vantage(id="far", label="", country="IR", tz="Asia/Tehran", access=Access.MOBILE)
FAR_NETWORK = Network(asn=64511, name="Other", access=Access.MOBILE)


def catalog() -> Catalog:
    """Return the two services as a catalog."""
    return Catalog(
        services=tuple(
            Service(
                id=name,
                name=name.title(),
                category=Category.MESSAGING,
                endpoints=(
                    Endpoint(
                        service=name,
                        kind=Kind.HTTP,
                        host=f"{name}.example",
                        port=443,
                        tls=True,
                        sni=f"{name}.example",
                        path="/",
                        role=Role.MESSAGES,
                        source="fixture",
                        checked_on=START.date(),
                    ),
                ),
            )
            for name in ("chat", "mail")
        ),
        digest="cafe",
    )


def hostile(at: datetime) -> Record:
    """Return a record in which everything that a stranger writes is meant to do harm."""
    whole = blocked(at=at)
    first = good(at=at).bundle[0]
    steps = tuple(
        replace(step, title=HOSTILE, headers=(("server", HOSTILE),))
        if isinstance(step, HttpStep)
        else replace(
            step,
            sni=HOSTILE,
            certificate=replace(step.certificate, issuer=f"CN={HOSTILE}"),
        )
        if isinstance(step, TlsStep) and step.certificate is not None
        else step
        for step in first.steps
    )
    evil = f"evil/http/{HOSTILE}:443/"
    return replace(
        whole,
        endpoint=evil,
        service=HOSTILE,
        bundle=(replace(first, steps=steps, endpoint=evil, service=HOSTILE),),
        verdict=replace(whole.verdict, sentence=HOSTILE),
    )


def fill(store: Store, *, days: int = 3) -> None:
    """Measure every two hours; the line is off for one morning; a far vantage agrees."""
    store.save_vantage(LINE)
    for slot in range(days * 12):
        at = START + timedelta(hours=2 * slot)
        evening = at.hour >= 14
        gate = GateId.OFFLINE_UPSTREAM if slot in (27, 28) else None
        records = [blocked(at=at) if evening else good(at=at), good("mail.example", at=at)]
        number = store.begin_round(
            vantage=LINE.id, plan="core", started=at, catalog_digest="cafe", network=net()
        )
        if gate is None:
            store.save(number, [*records, *([hostile(at)] if slot == 5 else [])])
        store.end_round(number, context(at, gate=gate), at + timedelta(minutes=3))
    at = START + timedelta(hours=15)
    store.import_round(
        vantage=FAR,
        network=FAR_NETWORK,
        plan="core",
        started=at,
        ended=at + timedelta(minutes=3),
        records=[blocked(at=at)],
        imported_from="a friend",
        context=replace(context(at), network=FAR_NETWORK),
    )


def net() -> Network:
    """Return the network of the own line."""
    return Network(asn=64500, name="Example Net", access=Access.FIXED)


def filled(place: Path, **kwargs: Any) -> Path:
    """Write the store into a file."""
    with Store.open(place) as store:
        fill(store, **kwargs)
    return place
