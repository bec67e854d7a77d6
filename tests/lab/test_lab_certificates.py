"""The lab's certificates: who believes which, and for how long."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest

from probe.lab.ca import Authority, AuthorityName, Leaf, issue, issue_self_signed, make_authority
from probe.lab.process import Lab
from probe.lab.scenario import load_scenario
from probe.model.target import Trust
from probe.net.certificates import parse_pem
from probe.net.trust import verify_chain

NOW = datetime(2026, 3, 2, tzinfo=UTC)
YEAR = timedelta(days=365)


def der(leaf: Leaf) -> list[bytes]:
    end = "-----END CERTIFICATE-----\n"
    parts = [part for part in leaf.chain.decode().split(end) if part.strip()]
    return [ssl.PEM_cert_to_DER_cert(part + end) for part in parts]


def leaf_of(authority: Authority, name: str = "a.example") -> Leaf:
    return issue(authority, [name, "33.0.0.1"], starts=NOW - YEAR, ends=NOW + YEAR)


@pytest.fixture(scope="module")
def idle() -> Lab:
    """Return a lab that was never started: its authorities are there already."""
    return Lab(load_scenario("none"))


def authority(lab: Lab, name: AuthorityName) -> Authority:
    return lab._authorities[name]


@pytest.mark.parametrize(
    ("name", "packaged", "system"),
    [
        (AuthorityName.PUBLIC, None, None),
        (AuthorityName.SYSTEM_TRUSTED, "ssl_unknown_authority", None),
        (AuthorityName.UNKNOWN, "ssl_unknown_authority", "ssl_unknown_authority"),
    ],
)
def test_only_the_system_store_trusts_the_state(
    idle: Lab, name: AuthorityName, packaged: str | None, system: str | None
) -> None:
    """The state's authority is in the system's opinion and not in the packaged one."""
    chain = der(leaf_of(authority(idle, name)))
    check = verify_chain(chain, "a.example", idle.roots, NOW, Trust.PUBLIC)
    assert (check.packaged, check.system) == (packaged, system)


def test_the_control_abroad_does_not_know_the_state(idle: Lab) -> None:
    """Neither of the control's opinions believes the state's authority."""
    chain = der(leaf_of(authority(idle, AuthorityName.SYSTEM_TRUSTED)))
    check = verify_chain(chain, "a.example", idle.control_roots, NOW, Trust.PUBLIC)
    assert check.packaged == check.system == "ssl_unknown_authority"


def test_the_pinned_root_counts_only_where_it_is_pinned(idle: Lab) -> None:
    """A pinned service's chain is good under its pin and unknown to the public."""
    chain = der(leaf_of(authority(idle, AuthorityName.SIGNAL)))
    pinned = verify_chain(chain, "a.example", idle.roots, NOW, Trust.SIGNAL)
    public = verify_chain(chain, "a.example", idle.roots, NOW, Trust.PUBLIC)
    assert (pinned.packaged, public.packaged) == (None, "ssl_unknown_authority")


@pytest.mark.parametrize("days", [-364, 0, 364])
def test_certificates_hold_a_year_each_way(idle: Lab, days: int) -> None:
    """The virtual clock may walk a year in both directions."""
    chain = der(leaf_of(authority(idle, AuthorityName.PUBLIC)))
    at = NOW + timedelta(days=days)
    assert verify_chain(chain, "a.example", idle.roots, at, Trust.PUBLIC).packaged is None


def test_dates_names_and_addresses_are_checked(idle: Lab) -> None:
    """Two years on it has expired; another name is another name; its address is in it."""
    chain = der(leaf_of(authority(idle, AuthorityName.PUBLIC)))
    late = verify_chain(chain, "a.example", idle.roots, NOW + 2 * YEAR, Trust.PUBLIC)
    other = verify_chain(chain, "b.example", idle.roots, NOW, Trust.PUBLIC)
    literal = verify_chain(chain, "33.0.0.1", idle.roots, NOW, Trust.PUBLIC)
    assert late.packaged == "ssl_invalid_certificate"
    assert other.packaged == "ssl_invalid_hostname"
    assert literal.packaged is None


def test_a_self_signed_certificate_convinces_nobody(idle: Lab) -> None:
    """What vouches for itself is bad in both opinions, and good where none is asked for."""
    chain = der(issue_self_signed("a.example", starts=NOW - YEAR, ends=NOW + YEAR))
    check = verify_chain(chain, "a.example", idle.roots, NOW, Trust.PUBLIC)
    assert check.packaged is not None
    assert check.system is not None
    assert verify_chain(chain, "a.example", idle.roots, NOW, Trust.NONE).packaged is None


def test_each_lab_has_authorities_of_its_own() -> None:
    """Nothing that one lab signed is believed in another."""
    one, other = (make_authority(AuthorityName.PUBLIC, NOW) for _ in range(2))
    assert parse_pem(one.certificate) != parse_pem(other.certificate)
