"""What a person may name on the command line, and what no name may reach."""

from datetime import date

import pytest
from msgspec import structs

from probe.errors import InputError
from probe.model.target import Category, Endpoint, Kind, Purpose, Risk, Role, Service
from probe.targets.load import load_catalog
from probe.targets.named import Named, named, with_listing

TODAY = date(2026, 11, 21)


def of(text: str) -> Named:
    """Return what ``text`` stands for beside the packaged catalog."""
    return named(text, load_catalog(), today=TODAY)


def test_a_service_stands_for_itself() -> None:
    """Its id is passed on; the catalog is as it was."""
    found = of("whatsapp")
    assert found.names == ("whatsapp",)
    assert not found.outside
    assert found.catalog is load_catalog()


def test_a_host_of_the_catalog_stands_for_its_endpoints() -> None:
    """All that is measured at that host, and only there; any spelling of it."""
    found = of("web.whatsapp.com")
    endpoints = {e.id: e for e in load_catalog().endpoints()}
    assert found.names
    assert {endpoints[name].host for name in found.names} == {"web.whatsapp.com"}
    assert of("Web.WhatsApp.com.").names == found.names


def test_an_endpoint_stands_for_itself() -> None:
    """Its id, as other commands print it."""
    name = next(e.id for e in load_catalog().endpoints() if e.purpose is Purpose.TARGET)
    assert of(name).names == (name,)


def test_the_app_of_a_service_can_be_named_with_it() -> None:
    """Where the stores are known to have one; else that is said, and nothing left out."""
    found = with_listing(of("telegram"))
    assert found.names == ("telegram", "listing-telegram")
    assert {e.role for e in found.catalog.service(found.names[1]).endpoints} == {Role.LISTING}  # type: ignore[union-attr]
    with pytest.raises(InputError, match="no app of it"):
        with_listing(of("forum.unheard-of.net"))


def test_what_is_private_is_named_by_its_label_alone() -> None:
    """All of it, one by its label or its id; its address would be kept and shown."""
    own = Endpoint(
        service="private",
        kind=Kind.OBFS4,
        host="93.184.216.34",
        port=4_711,
        source="test",
        checked_on=TODAY,
        private="own-1",
    )
    mine = Service(id="private", name="Own", category=Category.CIRCUMVENTION, endpoints=(own,))
    catalog = structs.replace(load_catalog(), services=(*load_catalog().services, mine))
    assert named("private", catalog, today=TODAY).names == ("private",)
    assert named("own-1", catalog, today=TODAY).names == (own.id,)
    assert named(own.id, catalog, today=TODAY).names == (own.id,)
    for text in ("93.184.216.34", "93.184.216.34:4711"):
        with pytest.raises(InputError, match="own list") as refused:
            named(text, catalog, today=TODAY)
        assert "93.184" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "kind", "port", "tls", "path"),
    [
        ("forum.unheard-of.net", Kind.HTTP, 443, True, "/"),
        ("forum.unheard-of.net:80", Kind.HTTP, 80, False, "/"),
        ("forum.unheard-of.net:8443", Kind.HTTP, 8443, True, "/"),
        ("forum.unheard-of.net:5222", Kind.TCP, 5222, False, None),
        ("http://forum.unheard-of.net", Kind.HTTP, 80, False, "/"),
        ("https://forum.unheard-of.net/a b?q=ü#x", Kind.HTTP, 443, True, "/a%20b?q=%C3%BC"),
        ("https://forum.unheard-of.net:444/", Kind.HTTP, 444, True, "/"),
        ("93.184.216.34", Kind.HTTP, 443, True, "/"),
        ("https://[2606:4700::1111]/", Kind.HTTP, 443, True, "/"),
    ],
)
def test_a_stranger_becomes_an_endpoint(
    text: str, kind: Kind, port: int, tls: bool, path: str | None
) -> None:
    """Outside of the catalog it is measured by what its port says, and marked as such."""
    found = of(text)
    service = found.catalog.services[-1]
    (endpoint,) = service.endpoints
    assert found.outside
    assert found.names == (service.id,)
    assert (endpoint.kind, endpoint.port, endpoint.tls, endpoint.path) == (kind, port, tls, path)
    assert endpoint.risk is Risk.MEDIUM
    assert endpoint.sni == (
        endpoint.host if tls and "." in endpoint.host and "unheard" in text else None
    )
    assert found.categories == ()


def test_a_name_in_another_alphabet_is_asked_for_in_ascii() -> None:
    """As every resolver gets it."""
    assert of("https://пример.example-forum.net/").catalog.services[-1].name.startswith("xn--")


def test_a_relative_of_a_high_risk_host_warns_and_needs_its_consent() -> None:
    """Whoever is seen with a page below a risky host is seen with that host."""
    found = of("https://blog.torproject.org/some-post")
    assert found.outside
    assert found.risk is Risk.HIGH
    assert found.categories == (Category.TOR,)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("whatsap", "whatsapp"),
        ("localhost", "no service or host"),
        ("router.local", "local network"),
        ("192.168.1.1", "not a public address"),
        ("http://169.254.169.254/latest", "not a public address"),
        ("127.1", "address in disguise"),
        ("https://2130706433/", "cannot be measured"),
        ("mail.unheard-of.net:25", "port 25"),
        ("unheard-of.net:22", "port 22"),
        ("unheard-of.net:0", "port from 1 to 65535"),
        ("unheard-of.net:http", "port from 1 to 65535"),
        ("ftp://unheard-of.net/", "no web address"),
        ("https://user:secret@unheard-of.net/", "user or password"),
        ("https://unheard-of.net:99999/", "no URL"),
        ("https://[::1", "no URL"),
        ("metadata.google.internal", "local network"),
        ("x" * 3_000, "too long"),
        ("a..b.net", "not a host name"),
        ("https://\x1b[2J.net/", "no URL"),
        ("expyuzz4wqqyqhjn.onion", "local network"),
    ],
)
def test_what_must_not_be_measured_is_refused(text: str, word: str) -> None:
    """Nothing private, nothing that a scan would look for; a slip of the pen is mended."""
    with pytest.raises(InputError) as caught:
        of(text)
    assert word in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert "secret" not in str(caught.value)
