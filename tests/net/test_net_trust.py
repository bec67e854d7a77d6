"""Certificates: what is valid, for whom, in which order faults are named, and bounds."""

import datetime as dt
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from made_certificates import NOW, YEAR, Authority, authority, der_of, leaf, name_of

from probe.model.target import Trust
from probe.net.certificates import MAX_CERTIFICATES, names_match, parse_pem
from probe.net.system_roots import system_roots_pem
from probe.net.trust import Roots, default_roots, verify_chain

HOST = "www.example.com"


@pytest.fixture
def roots() -> Roots:
    """Return roots that know the test root, and a system store that knows another one too."""
    packaged = authority().pem
    return Roots(packaged, packaged + authority("State Root").pem, {Trust.SIGNAL: b""})


def test_a_valid_chain(roots: Roots) -> None:
    """A leaf for the name, by a packaged root, within its dates, is valid to both stores."""
    check = verify_chain(leaf(HOST).chain, HOST, roots, NOW)
    assert check.packaged is None
    assert check.system is None
    assert check.issuer == "CN=Test Root"
    assert check.not_before == NOW - YEAR
    assert check.not_after == NOW + YEAR
    assert len(check.leaf_sha256) == 64


def test_a_chain_by_an_intermediate(roots: Roots) -> None:
    """An intermediate that the server sends is used, and its key is hashed."""
    middle = Authority("Middle", parent=authority())
    check = verify_chain(middle.issue(HOST).chain, HOST, roots, NOW)
    assert check.packaged is None
    assert check.issuer == "CN=Middle"
    assert check.issuer_spki_sha256 is not None


def test_interception_trusted_by_the_system_only(roots: Roots) -> None:
    """A root that only the machine knows is valid to the machine and unknown to us."""
    check = verify_chain(leaf(HOST, by="State Root").chain, HOST, roots, NOW)
    assert check.packaged == "ssl_unknown_authority"
    assert check.system is None


@pytest.mark.parametrize(
    ("name", "at", "by", "failure"),
    [
        ("other.example.com", NOW, "Test Root", "ssl_invalid_hostname"),
        (HOST, NOW + 2 * YEAR, "Test Root", "ssl_invalid_certificate"),
        (HOST, NOW - 2 * YEAR, "Test Root", "ssl_invalid_certificate"),
        (HOST, NOW, "Nobody", "ssl_unknown_authority"),
        ("other.example.com", NOW + 2 * YEAR, "Nobody", "ssl_invalid_certificate"),
        ("other.example.com", NOW, "Nobody", "ssl_invalid_hostname"),
    ],
)
def test_faults_have_the_names_and_the_order_of_go(
    roots: Roots, name: str, at: dt.datetime, by: str, failure: str
) -> None:
    """First the leaf's dates, then its name, then its chain, as OONI reports them."""
    check = verify_chain(leaf(HOST, by=by).chain, name, roots, at)
    assert check.packaged == failure
    assert check.system == failure


def test_a_self_signed_leaf_is_an_unknown_authority(roots: Roots) -> None:
    """OpenSSL's codes 18 to 21 are one failure."""
    alone = Authority(HOST)
    made = alone.issue(HOST)
    check = verify_chain([der_of(made.certificate)], HOST, roots, NOW)
    assert check.packaged == "ssl_unknown_authority"


def self_signed(*, is_authority: bool | None, identified: bool) -> bytes:
    """Return a certificate for HOST that vouches for itself, as routers and boxes make them."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder(name_of(HOST), name_of(HOST), key.public_key(), 1)
        .not_valid_before(NOW - YEAR)
        .not_valid_after(NOW + YEAR)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    )
    if is_authority is not None:
        limits = x509.BasicConstraints(ca=is_authority, path_length=None)
        builder = builder.add_extension(limits, critical=True)
    if identified:
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        builder = builder.add_extension(signer, critical=False)
    return der_of(builder.sign(key, hashes.SHA256()))


@pytest.mark.parametrize("sent", [1, 2])
@pytest.mark.parametrize("is_authority", [None, True, False])
@pytest.mark.parametrize("identified", [True, False])
def test_a_bare_self_signed_leaf_is_an_unknown_authority(
    roots: Roots, sent: int, *, is_authority: bool | None, identified: bool
) -> None:
    """Whatever else is wrong with it (no key identifier, marked as an authority, sent twice)."""
    der = self_signed(is_authority=is_authority, identified=identified)
    check = verify_chain([der] * sent, HOST, roots, NOW)
    assert check.packaged == check.system == "ssl_unknown_authority"


@pytest.mark.parametrize("middle", [True, False])
@pytest.mark.parametrize("title", ["Nobody", "Test Root"])
def test_a_root_that_the_server_sends_is_not_believed(
    roots: Roots, title: str, *, middle: bool
) -> None:
    """A chain up to its own root, also one that is called like ours, leads to nobody known."""
    own = Authority(title)
    made = (Authority("Middle", parent=own) if middle else own).issue(HOST)
    check = verify_chain([*made.chain, der_of(own.certificate)], HOST, roots, NOW)
    assert check.packaged == "ssl_unknown_authority"


def test_a_known_root_in_the_chain_does_no_harm(roots: Roots) -> None:
    """Many servers send the root as well; it is found in the store, not in what was sent."""
    made = Authority("Middle", parent=authority()).issue(HOST)
    check = verify_chain([*made.chain, der_of(authority().certificate)], HOST, roots, NOW)
    assert check.packaged is None


def test_an_impostor_with_the_name_of_a_root_is_an_unknown_authority(roots: Roots) -> None:
    """An interceptor that copies a root's name, and has another key, is nobody we know."""
    check = verify_chain(Authority("Test Root").issue(HOST).chain, HOST, roots, NOW)
    assert check.packaged == "ssl_unknown_authority"


def test_a_leaf_that_signs_is_an_invalid_certificate(roots: Roots) -> None:
    """A certificate that is no authority cannot make one."""
    middle = leaf("ca.example.com")
    fake = Authority("ca.example.com", key=middle.key)
    made = fake.issue(HOST)
    check = verify_chain([made.chain[0], middle.chain[0]], HOST, roots, NOW)
    assert check.packaged == "ssl_invalid_certificate"


@pytest.mark.parametrize(("by", "within"), [("Test Root", True), ("Nobody", False)])
def test_an_expired_leaf_tells_whether_it_was_good(roots: Roots, by: str, *, within: bool) -> None:
    """A forgotten renewal is told from a forgery that is expired as well."""
    late = NOW + 2 * YEAR
    check = verify_chain(leaf(HOST, by=by).chain, HOST, roots, late)
    assert check.verified_within is within
    assert verify_chain(leaf(HOST).chain, HOST, roots, NOW).verified_within is None


def test_an_expired_intermediate_is_an_invalid_certificate(roots: Roots) -> None:
    """A known root behind an expired intermediate is not "unknown"."""
    middle = Authority("Old Middle", parent=authority(), not_after=NOW - dt.timedelta(days=1))
    check = verify_chain(middle.issue(HOST).chain, HOST, roots, NOW)
    assert check.packaged == "ssl_invalid_certificate"


def test_a_missing_intermediate_is_an_unknown_authority(roots: Roots) -> None:
    """A server that sends the leaf alone leaves nobody to trust."""
    middle = Authority("Unsent", parent=authority())
    check = verify_chain(middle.issue(HOST).chain[:1], HOST, roots, NOW)
    assert check.packaged == "ssl_unknown_authority"


def test_addresses_are_names_too(roots: Roots) -> None:
    """An IP literal is looked for among the addresses of the certificate."""
    made = leaf("192.0.2.7", "2001:db8::7")
    assert verify_chain(made.chain, "192.0.2.7", roots, NOW).packaged is None
    assert verify_chain(made.chain, "2001:db8::7", roots, NOW).packaged is None
    assert verify_chain(made.chain, "192.0.2.8", roots, NOW).packaged == "ssl_invalid_hostname"


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*.example.com", "www.example.com", True),
        ("*.example.com", "WWW.Example.com.", True),
        ("*.example.com", "a.b.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.com", "example.com", False),
        ("www.example.com", "xwww.example.com", False),
    ],
)
def test_wildcards_cover_one_label(pattern: str, name: str, *, matches: bool) -> None:
    """RFC 6125: a wildcard stands for exactly the leftmost label."""
    assert names_match(leaf(pattern).certificate, name) is matches


def test_the_pinned_root_counts_and_no_other() -> None:
    """A pinned service is valid to its own root only; the public ones mean nothing to it."""
    own = Authority("Pinned")
    roots = Roots(authority().pem, None, {Trust.SIGNAL: own.pem})
    pinned = verify_chain(own.issue(HOST).chain, HOST, roots, NOW, Trust.SIGNAL)
    public = verify_chain(leaf(HOST).chain, HOST, roots, NOW, Trust.SIGNAL)
    assert pinned.packaged is None
    assert pinned.system == "ssl_unknown_authority"
    assert public.packaged == "ssl_unknown_authority"


def test_without_a_pinned_root_nobody_is_believed(roots: Roots) -> None:
    """A service whose root we do not have is unknown, never valid by other roots."""
    check = verify_chain(leaf(HOST).chain, HOST, roots, NOW, Trust.SIGNAL)
    assert check.packaged == "ssl_unknown_authority"


def test_no_opinion_where_none_is_expected(roots: Roots) -> None:
    """Trust.NONE asks for no opinion, and still keeps who signed and the leaf's hash."""
    check = verify_chain(leaf(HOST, by="Nobody").chain, "x", roots, NOW, Trust.NONE)
    assert check.packaged is None
    assert check.system is None
    assert check.issuer == "CN=Nobody"


def test_without_a_system_store_there_is_one_opinion() -> None:
    """A machine that shows no store does not invent a difference."""
    roots = Roots(authority().pem, None)
    check = verify_chain(leaf(HOST, by="Nobody").chain, HOST, roots, NOW)
    assert check.system == check.packaged == "ssl_unknown_authority"


def test_opinions_change_with_time_in_spite_of_memory(roots: Roots) -> None:
    """What is remembered for an hour never outlives the certificate."""
    made = leaf(HOST)
    edge = NOW + YEAR
    before, after = edge - dt.timedelta(minutes=1), edge + dt.timedelta(minutes=1)
    assert verify_chain(made.chain, HOST, roots, before).packaged is None
    assert verify_chain(made.chain, HOST, roots, after).packaged == "ssl_invalid_certificate"


def test_checks_are_remembered(roots: Roots) -> None:
    """The same chain for the same name in the same hour is the same value."""
    made = leaf(HOST)
    first = verify_chain(made.chain, HOST, roots, NOW)
    assert verify_chain(made.chain, HOST, roots, NOW + dt.timedelta(minutes=5)) is first
    assert len(roots.checks) == 1


def test_an_empty_chain_or_a_naive_time_is_a_mistake_of_ours(roots: Roots) -> None:
    """Callers decide what a missing certificate means."""
    with pytest.raises(ValueError, match="certificate"):
        verify_chain([], HOST, roots, NOW)
    with pytest.raises(ValueError, match="aware"):
        verify_chain(leaf(HOST).chain, HOST, roots, NOW.replace(tzinfo=None))


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_garbage_is_an_invalid_certificate(chain: list[bytes]) -> None:
    """No bytes in the place of a certificate raise."""
    roots = Roots(authority().pem, None)
    check = verify_chain(chain, HOST, roots, NOW)
    assert check.packaged == "ssl_invalid_certificate"


@given(st.data())
@settings(max_examples=60)
def test_a_damaged_certificate_never_raises(data: st.DataObject) -> None:
    """One byte changed in what is signed is a failure; elsewhere it never raises.

    The signature is not signed: how many bits of its last byte are unused (two values of one byte)
    the verifier does not hold against it.
    """
    whole = leaf(HOST).chain[0]
    signed = x509.load_der_x509_certificate(whole).tbs_certificate_bytes
    first = whole.index(signed)
    der = bytearray(whole)
    place = data.draw(st.integers(0, len(der) - 1))
    der[place] ^= data.draw(st.integers(1, 255))
    check = verify_chain([bytes(der)], HOST, Roots(authority().pem, None), NOW)
    assert check.packaged is not None or not first <= place < first + len(signed)


def test_a_certificate_of_an_unknown_version_is_invalid(roots: Roots) -> None:
    """X.509 has versions 1 to 3; a fourth is malformed, and no exception."""
    der = leaf(HOST).chain[0]
    assert der[8:13] == b"\xa0\x03\x02\x01\x02"
    check = verify_chain([der[:12] + b"\x03" + der[13:]], HOST, roots, NOW)
    assert check.packaged == "ssl_invalid_certificate"


def test_a_certificate_of_a_megabyte_costs_nothing(roots: Roots) -> None:
    """A bloated leaf is refused unparsed."""
    made = authority().issue(HOST, padding=1_000_000)
    started = time.perf_counter()
    check = verify_chain(made.chain, HOST, roots, NOW)
    assert check.packaged == "ssl_invalid_certificate"
    assert time.perf_counter() - started < 1.0


def test_a_chain_of_a_hundred_certificates_is_bounded(roots: Roots) -> None:
    """Hostile intermediates that all sign each other end in a failure, soon."""
    twins = [Authority("Twin", parent=Authority("Twin")) for _ in range(20)]
    made = twins[0].issue(HOST)
    chain = [made.chain[0], *(der_of(t.certificate) for t in twins * 5)]
    assert len(chain) > 100 > MAX_CERTIFICATES
    started = time.perf_counter()
    check = verify_chain(chain, HOST, roots, NOW)
    assert check.packaged in ("ssl_unknown_authority", "ssl_invalid_certificate")
    assert time.perf_counter() - started < 2.0


def test_packaged_roots_and_signal_roots_load() -> None:
    """Certifi's bundle parses, and Signal's roots are the two that OONI's spec publishes."""
    roots = default_roots()
    assert roots.packaged is not None
    assert roots.expected(Trust.SIGNAL) is not None
    subjects = [c.subject.rfc4514_string() for c in parse_pem(roots.pinned[Trust.SIGNAL])]
    assert subjects[0].startswith("CN=TextSecure,")
    assert subjects[1].startswith("CN=Signal Messenger,O=Signal Messenger")


def test_the_bundle_of_the_system_is_found(tmp_path: Path) -> None:
    """The first readable bundle is the system's store; a huge or missing one is passed over."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(authority().pem)
    found = system_roots_pem((str(tmp_path / "missing"), str(bundle)))
    assert found is None or b"BEGIN CERTIFICATE" in found


def test_a_bundle_with_rubbish_in_it_keeps_the_rest() -> None:
    """One certificate that cannot be parsed costs only itself."""
    rubbish = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    assert len(parse_pem(rubbish + authority().pem + b"text")) == 1
    assert Roots(rubbish, None).packaged is None
