"""Where a control is, and who may stand there: a trusted key, or a name that roots vouch for."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from live_stage import NO_ROOTS, Abroad, asked, line
from made_certificates import Authority, pem_of
from schedule_rounds import START, targets

from probe.control.address import control_address
from probe.control.dial import NotOwn
from probe.errors import InputError
from probe.net.listen import ServerTls, listening
from probe.net.trust import Roots

TARGETS = targets(2)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://control.example", "control.example:443"),
        ("https://Control.example:8443/", "control.example:8443"),
        ("https://[2001:db8::1]:8443", "[2001:db8::1]:8443"),
        ("https://203.0.113.7:1", "203.0.113.7:1"),
    ],
)
def test_a_url_is_a_host_and_a_port(url: str, place: str) -> None:
    """By which the token is found."""
    assert control_address(url).place == place


@pytest.mark.parametrize(
    "url",
    [
        "http://control.example",
        "ftp://control.example",
        "https://",
        "https://token@control.example",
        "https://user:secret@control.example",
        "https://control.example/?token=secret",
        "https://control.example/#secret",
        "https://control.example/path",
        "https://control.example:99999",
        "https://con trol.example",
        "https://contr\x00ol.example",
        "https://[::1",
        "control.example:8443",
    ],
)
def test_any_other_url_is_refused_without_repeating_it(url: str) -> None:
    """Only HTTPS is spoken, and a token in a URL would end in a shell's history and in logs."""
    with pytest.raises(InputError) as found:
        control_address(url)
    assert "secret" not in str(found.value)
    assert "control.example:" not in str(found.value)


def files_of(tmp_path: Path, names: tuple[str, ...], root: Authority) -> ServerTls:
    """Return the files of a certificate for ``names`` that ``root`` signed."""
    made = root.issue(
        *names, not_before=START - timedelta(days=1), not_after=START + timedelta(days=90)
    )
    files = ServerTls(tmp_path / "certificate.pem", tmp_path / "key.pem")
    files.certificate.write_bytes(pem_of(made.certificate))
    files.key.write_bytes(
        made.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


@pytest.mark.parametrize(
    ("names", "packaged", "system", "good"),
    [
        (("127.0.0.1",), True, False, True),
        (("control.example",), True, False, False),
        (("127.0.0.1",), False, False, False),
        (("127.0.0.1",), False, True, False),
    ],
)
async def test_a_certificate_of_an_authority_has_to_be_for_its_name(
    tmp_path: Path, names: tuple[str, ...], packaged: bool, system: bool, good: bool
) -> None:
    """By the packaged roots: an authority that only this machine trusts may be a state's."""
    root = Authority(
        "Root", not_before=START - timedelta(days=400), not_after=START + timedelta(days=400)
    )
    roots = Roots(
        packaged_pem=root.pem if packaged else b"", system_pem=root.pem if system else None
    )
    abroad = Abroad()
    said: list[str] = []
    tls = files_of(tmp_path, names, root)
    import asyncio

    async with listening("127.0.0.1", 0, abroad.server.serve, tls=tls) as server:
        looking = asyncio.create_task(abroad.lookout.run())
        control = line(server.port, abroad, said=said, roots=roots)
        await asked(control, TARGETS)
        looking.cancel()
    assert (control.seen(TARGETS[0]) is not None) is good
    assert bool(said) is not good
    if not good:
        assert "neither for a trusted key nor valid for its name" in said[0]


async def test_a_name_that_leads_to_a_private_address_is_not_dialled() -> None:
    """A lying resolver must not aim the token's carrier at the home router."""
    from probe.net.base import Resolved

    class Lying:
        async def system_resolve(self, *args: object, **more: object) -> Resolved:
            return Resolved(("192.168.1.1", "127.0.0.1"))

    said: list[str] = []
    control = line(
        1, Abroad(), said=said, net=Lying(), address=control_address("https://control.example")
    )
    await asked(control, TARGETS)
    assert said == ["The live control 1 is not used: its name leads to no public address."]
    assert NO_ROOTS.packaged_pem == b""


def test_a_control_dials_neither_private_addresses_nor_its_own() -> None:
    """In any spelling."""
    policy = NotOwn(("93.184.216.34", "2001:4860:0:0::1%eth0", "fe80::1%eth0"))
    for address in ("93.184.216.34", "2001:4860::1", "10.0.0.1", "127.0.0.1", "169.254.169.254"):
        assert not policy.allows(address)
    assert policy.allows("93.184.216.35")
    assert policy.allows("2001:4860::2")
