"""Who may look, under which name, and what a page may do."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from probe.errors import InputError
from probe.web.security import COOKIE, POLICY, Gatekeeper, is_loopback, new_token

Ask = Callable[..., httpx.Response]
TOKEN = "a-token-of-this-test"


def test_every_answer_carries_the_policy(ask: Ask) -> None:
    """Pages, errors, files and data: nothing inline, nothing from elsewhere, no frame, no store."""
    for address in ("/", "/nope", "/static/style.css", "/api/state", "/?tz=x", "/metrics"):
        headers = ask(address).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
    assert "unsafe" not in POLICY
    assert "default-src 'none'" in POLICY


def test_it_is_read_only(ask: Ask) -> None:
    """No method but GET and HEAD is answered."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert ask("/", method).status_code == 405
    assert ask("/api/state", "HEAD").status_code in (200, 405)


def test_a_foreign_name_is_turned_away(ask: Ask) -> None:
    """A page that points its own name here (DNS rebinding) gets nothing."""
    assert ask("/", headers={"host": "evil.example"}).status_code == 421
    assert ask("/", headers={"host": "127.0.0.1.evil.example:8337"}).status_code == 421
    for name in ("localhost:8337", "[::1]:8337", "127.0.0.1"):
        assert ask("/api/state", headers={"host": name}).status_code == 200


def test_elsewhere_a_token_is_needed(ask_of: Callable[..., Ask], place: Path) -> None:
    """Without it 401 for everything; once in the address it becomes a cookie and vanishes."""
    ask = ask_of(place, token=TOKEN)
    for address in ("/", "/api/services", "/static/style.css", "/metrics", "/api/openapi.json"):
        assert ask(address).status_code == 401
    assert ask("/?token=another-token-quite-wrong").status_code == 401
    answer = ask(f"/service/chat?tz=UTC&token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/service/chat?tz=UTC"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert ask("/", headers={"cookie": f"{COOKIE}={TOKEN}"}).status_code == 200
    assert ask("/api/state", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_the_token_redirects_to_no_other_site(ask_of: Callable[..., Ask], place: Path) -> None:
    """A path of two slashes would be another host: it stays here."""
    ask = ask_of(place, token=TOKEN)
    where = ask(f"http://127.0.0.1//evil.example/?token={TOKEN}").headers["location"]
    assert not where.startswith("//")


def test_a_short_token_is_refused() -> None:
    """What can be guessed is no token; what is made cannot be."""
    with pytest.raises(InputError, match="16 characters"):
        Gatekeeper(frozenset(), "secret")
    assert len(new_token()) >= 32
    assert new_token() != new_token()


@pytest.mark.parametrize(
    ("host", "yes"),
    [
        *(("127.0.0.1", True), ("127.3.2.1", True), ("::1", True), ("localhost", True)),
        *(("0.0.0.0", False), ("::", False), ("192.168.1.5", False), ("example.org", False)),
    ],
)
def test_what_loopback_is(host: str, *, yes: bool) -> None:
    """Only what no other machine can reach needs no token."""
    assert is_loopback(host) is yes
