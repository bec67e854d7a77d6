"""What is kept of a look at a person's own bridge or proxy: how it went, and not where."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from probe.analysis.followup import followups
from probe.analysis.thorough import thorough
from probe.errors import ForbiddenNetwork, InputError
from probe.model.address import family_of
from probe.model.codec import encode
from probe.model.control import ControlObservation
from probe.model.goodput import Direction, Transport
from probe.model.measurement import (
    Answer,
    CertificateCheck,
    DnsEngine,
    DnsStep,
    ExchangeStep,
    HttpStep,
    LateAnswer,
    Measurement,
    Outcome,
    Proof,
    Step,
    TcpStep,
    TlsStep,
    TransferStep,
    UdpStep,
    Variant,
)
from probe.model.target import Endpoint, Kind, Trust
from probe.schedule.contacts import contacts_of
from probe.schedule.controls import ControlBook
from probe.schedule.veil import unplaced, unquoted, veiled

HOST, PLACE, PORT = "proxy.secret.example", "93.184.216.34", 48_123
NOW = datetime(2026, 3, 2, tzinfo=UTC)
OWN = Endpoint(
    service="private",
    kind=Kind.SIGNAL_PROXY,
    host=HOST,
    port=PORT,
    tls=True,
    source="test",
    checked_on=date(2026, 1, 1),
    private="own-1",
)
TIMED: dict[str, Any] = {"t0_s": 0.0, "t_s": 0.1}
AT: dict[str, Any] = {"address": PLACE, "port": PORT}
CHECK = CertificateCheck(
    packaged=None, system=None, issuer=f"CN={HOST}", leaf_sha256="ab" * 32, not_before=NOW
)
STEPS: tuple[Step, ...] = (
    DnsStep(
        **TIMED, hostname=HOST, qtype="A", engine=DnsEngine.SYSTEM, resolver="system",
        answers=(Answer(address=PLACE, asn=64_500),), cnames=(HOST,),
    ),
    DnsStep(
        **TIMED, hostname=HOST, qtype="A", engine=DnsEngine.UDP, resolver="configured", rcode=3,
        failure="dns_nxdomain_error", late=(LateAnswer(t_s=0.2, rcode=0, addresses=(PLACE,)),),
    ),
    TcpStep(**TIMED, **AT),
    TlsStep(**TIMED, **AT, sni=HOST, certificate=CHECK, chain=(HOST.encode(),)),
    HttpStep(
        **TIMED, **AT, method="GET", host=HOST, path=f"/{HOST}", tls=True, status=200,
        headers=(("location", f"https://{HOST}/"),), title=HOST, body_sha256="cd" * 32,
    ),
    UdpStep(**TIMED, **AT, protocol="x", failure=f"unknown_failure: no way to {PLACE}"),
    TransferStep(
        **TIMED, **AT, direction=Direction.DOWNLOAD, transport=Transport.TCP, wanted=65_536
    ),
    ExchangeStep(**TIMED, **AT, protocol="signal", reply="a handshake", proof=Proof.IDENTITY),
)  # fmt: skip


def look(*steps: Step, **more: Any) -> Measurement:
    """Return a measurement of these steps."""
    values: dict[str, Any] = {"service": "private", "kind": OWN.kind, "started": NOW}
    return Measurement(endpoint=OWN.id, steps=steps, **{**values, **more})


def test_nothing_that_is_kept_says_where() -> None:
    """Name, address, port, certificate, page and free words are gone; how it went stays."""
    kept = veiled(OWN, look(*STEPS, reason=f"not a host name: {HOST!r}"))
    raw = encode(kept)
    for secret in (HOST, PLACE, str(PORT), "ab" * 32, "cd" * 32, "64500"):
        assert secret.encode() not in raw
    assert [type(s) for s in kept.steps] == [type(s) for s in STEPS[1:]]
    assert [s.failure for s in kept.steps] == [
        "dns_nxdomain_error", None, None, None, "unknown_failure: not kept", None, None,
    ]  # fmt: skip
    tls, exchange = kept.steps[2], kept.steps[-1]
    assert isinstance(tls, TlsStep)
    assert tls.certificate is not None
    assert tls.certificate.packaged is None
    assert isinstance(exchange, ExchangeStep)
    assert exchange.proof is Proof.IDENTITY


def test_sizes_are_kept_in_whole_kib() -> None:
    """The length of a name, or of a certificate, is not to be read off; nothing stays nothing."""
    tls = TlsStep(**TIMED, **AT, sni=HOST, bytes_sent=517, bytes_received=0)
    said = ExchangeStep(**TIMED, **AT, protocol="signal", bytes_sent=1, bytes_received=3_121)
    page = replace(STEPS[4], body_length=1_025)
    kept = veiled(OWN, look(tls, said, page, bytes_sent=518, bytes_received=4_096))
    assert [(s.bytes_sent, s.bytes_received) for s in (kept, *kept.steps[:2])] == [  # type: ignore[union-attr]
        (1_024, 4_096), (1_024, 0), (1_024, 4_096),
    ]  # fmt: skip
    assert isinstance(kept.steps[2], HttpStep)
    assert kept.steps[2].body_length == 2_048


def test_an_error_about_a_private_place_does_not_quote_it() -> None:
    """Its kind stays, since it says how the program ends."""
    shown = unquoted(OWN, ForbiddenNetwork(f"{PLACE} is not loopback"))
    assert type(shown) is ForbiddenNetwork
    assert str(shown) == "own-1 could not be measured, and why is not shown"
    error = InputError("wrong", field=HOST)
    assert str(unquoted(OWN, error)).count(HOST) == 0
    assert unquoted(replace(OWN, private=None), error) is error


def test_a_diagnosis_tells_nobody_either() -> None:
    """All is well, and what a diagnosis compares a public name with is not asked."""
    step = STEPS[0]
    assert isinstance(step, DnsStep)
    passed = look(step, *STEPS[2:4], STEPS[-1])
    assert thorough(replace(OWN, private=None), passed, None) != ()
    assert thorough(OWN, passed, None) == ()


WORDS = st.text("jkqxz", min_size=12, max_size=20)  # letters that no field is called by


@given(WORDS, st.sampled_from(range(len(STEPS))))
def test_no_field_of_any_step_lets_a_word_through(word: str, place: int) -> None:
    """Property: whatever text of the peer's or the catalog's a step holds, it is not kept."""
    texts = {
        "hostname": word, "resolver": "system", "cnames": (word,), "sni": word, "chain": (word,),
        "host": word, "path": word, "headers": (("server", word),), "title": word,
        "body_sha256": word, "address": word, "failure": f"unknown_failure: {word}",
    }  # fmt: skip
    step = STEPS[place]
    fields = {n: v for n, v in texts.items() if n in step.__struct_fields__}
    assert word.encode() not in encode(veiled(OWN, look(replace(step, **fields))))


def test_what_is_public_is_kept_as_it_is() -> None:
    """The catalog's endpoints lose nothing."""
    whole = look(*STEPS)
    assert veiled(replace(OWN, private=None), whole) is whole


def test_a_failing_private_place_is_asked_again_and_nobody_is_told() -> None:
    """Itself, and neutral hosts: no other resolver, no neighbour, no address in the plan."""
    failed = look(TcpStep(**TIMED, address="0.0.0.0", port=0, failure="connection_refused"))
    wanted = followups(OWN, failed, None, authentic=(PLACE,), sni_host="192.0.2.1:443")
    assert {f.variant for f in wanted} == {Variant.RETEST, Variant.ANCHOR}
    assert all(f.addresses == () for f in wanted)
    passed = look(TcpStep(**TIMED, address="0.0.0.0", port=0), kind=Kind.OBFS4)
    assert followups(replace(OWN, kind=Kind.OBFS4), passed, None) == ()


def test_a_dry_run_lists_its_label() -> None:
    """What may be contacted is complete, and this one is named as private."""
    found = contacts_of([OWN], ())
    assert found.names == ("own-1 (private)",)
    assert found.literals == ()
    assert PORT not in found.ports


class Elsewhere:
    """A provider that keeps what it was asked."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def run(self, endpoints: Any) -> None:
        self.heard += [e.id for e in endpoints]

    async def observe(self, endpoint: Endpoint) -> tuple[ControlObservation, ...]:
        self.heard.append(endpoint.id)
        return ()

    def seen(self, endpoint: Endpoint) -> tuple[ControlObservation, ...]:
        self.heard.append(endpoint.id)
        return ()

    def crossed(self) -> tuple[int, int]:
        return 0, 0


async def test_no_control_hears_of_a_private_place() -> None:
    """Neither before, nor when it failed, nor for what was seen."""
    provider = Elsewhere()
    book = ControlBook(provider, None, NOW)
    public = replace(OWN, private=None, service="other", trust=Trust.PUBLIC)
    await book.run([OWN, public], lambda _: None)
    failed = look(TcpStep(**TIMED, **AT, failure="connection_refused"))
    await book.asked(OWN, failed)
    assert book.of(OWN, failed) == ()
    assert provider.heard == [public.id]
    assert failed.outcome is Outcome.MEASURED


@pytest.mark.parametrize("changes", [{"host": "other.example"}, {"port": 1}, {"sni": "x.example"}])
def test_the_id_is_the_label_alone(changes: dict[str, Any]) -> None:
    """A bridge that moved keeps its line in the results, and no result says that it did."""
    assert replace(OWN, **changes).id == OWN.id == "private/signal-proxy/own-1"


@pytest.mark.parametrize(("place", "family"), [(PLACE, 4), ("2606:4700::6810:1", 6)])
def test_a_server_of_ones_own_is_nowhere(place: str, family: int) -> None:
    """Who talks to that one host can be found by it: its address, port and key are not kept."""
    steps = tuple(replace(step, address=place) for step in STEPS if not isinstance(step, DnsStep))
    kept = unplaced(look(*steps, variant=Variant.GOODPUT_OWN))
    assert [type(step) for step in kept.steps] == [type(step) for step in steps]
    for step in kept.steps:
        assert not isinstance(step, DnsStep)
        assert (family_of(step.address), step.port) == (family, 0)
    text = encode(kept)
    assert place.encode() not in text
    assert str(PORT).encode() not in text
    assert b"ab" * 32 not in text
    transfer = next(step for step in kept.steps if isinstance(step, TransferStep))
    before = next(step for step in steps if isinstance(step, TransferStep))
    assert transfer.marks == before.marks
