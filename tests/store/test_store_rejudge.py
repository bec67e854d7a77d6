"""A verdict can be made again from what is stored, thinned or not, and comes out the same."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from store_records import START, context, good, measurement, whole_round

from probe.analysis.verdict import judge
from probe.model.control import ControlKind, ControlObservation
from probe.model.measurement import DnsStep, HttpStep, Measurement
from probe.model.record import Record
from probe.model.target import Category, Endpoint, Kind, Service
from probe.model.verdict import State, Verdict
from probe.store.database import Store

ENDPOINT = Endpoint(
    service="chat",
    kind=Kind.HTTP,
    host="chat.example",
    port=443,
    tls=True,
    sni="chat.example",
    path="/",
    source="test",
    checked_on=date(2026, 1, 1),
)
SERVICE = Service(id="chat", name="Chat", category=Category.MESSAGING, endpoints=(ENDPOINT,))
CONTROL = ControlObservation(
    endpoint=ENDPOINT.id,
    source="live",
    kind=ControlKind.LIVE,
    observed=START,
    addresses=("93.184.216.12",),
    issuer="CN=Example CA",
    status=200,
    title="Welcome to chat.example",
    body_length=14_000,
    body_sha256="1" * 64,
)


def _judge(main: Measurement, controls: tuple[ControlObservation, ...]) -> Verdict:
    return judge(ENDPOINT, SERVICE, [main], context=context(main.started), controls=controls)


@pytest.mark.slow
@given(
    order=st.permutations([0, 1]),
    shift=st.floats(0, 0.0004),
    etag=st.text("abc", max_size=5),
    sha256=st.none() | st.just("1" * 64),
    length=st.integers(0, 10**6),
    controlled=st.booleans(),
    plain=st.booleans(),
)
@settings(max_examples=30)
def test_a_thinned_measurement_is_judged_alike(
    order: list[int],
    shift: float,
    etag: str,
    sha256: str | None,
    length: int,
    controlled: bool,
    plain: bool,
) -> None:
    """What thinning loses changes no verdict: order, microseconds, volatile headers, body hash."""
    dns, tcp, tls, http = measurement(at=START + timedelta(minutes=30)).steps
    assert isinstance(dns, DnsStep)
    assert isinstance(http, HttpStep)
    changed = replace(
        measurement(at=START + timedelta(minutes=30)),
        endpoint=ENDPOINT.id,
        steps=(
            replace(dns, answers=tuple(dns.answers[n] for n in order)),
            replace(tcp, t_s=tcp.t_s + shift),
            tls,
            replace(
                http,
                headers=(*http.headers, ("etag", etag)),
                body_sha256=sha256,
                body_length=length,
            ),
        ),
    )
    controls = (CONTROL,) if controlled else ()
    verdict = replace(_judge(changed, controls), state=State.OK)  # so that it is thinned
    first = Record(
        endpoint=ENDPOINT.id,
        service="chat",
        role=good().role,
        bundle=(replace(measurement(), endpoint=ENDPOINT.id),),
        verdict=verdict,
    )
    with Store.open(":memory:") as store:
        whole_round(store, [first])
        (found,) = store.records(whole_round(store, [replace(first, bundle=(changed,))]))
    assert found.main != changed  # it was thinned
    assert found.verdict == verdict
    assert _judge(found.main, controls) == _judge(changed, controls)


def test_the_verdict_of_these_measurements_is_good() -> None:
    """The property above is about results that are thinned at all: judged ``ok``."""
    main = replace(measurement(), endpoint=ENDPOINT.id)
    assert _judge(main, ()).state.value == "ok"
