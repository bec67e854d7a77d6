"""Whether an answer is what the catalog expects, or a store's word that it has no such app."""

from probe.model.target import Expect
from probe.net.http import HttpResult

__all__ = ["absent", "met"]


def met(expect: Expect | None, result: HttpResult, page: str) -> bool | None:
    """Return whether the answer is as expected; ``None`` without an expectation.

    A store that says that it has no such app is not met, even on a page that names the app.
    """
    if expect is None:
        return None
    if absent(expect, result, page):
        return False
    leads = expect.location_contains
    if leads is not None and leads not in (result.header("location") or ""):
        return False
    return _holds(expect.status, expect.body_contains, result, page)


def absent(expect: Expect | None, result: HttpResult, page: str) -> bool | None:
    """Return whether the store says that it has no such app; ``None`` for what is no listing."""
    if expect is None or expect.absent is None:
        return None
    sign = expect.absent
    by_status = bool(sign.status) and result.status in sign.status
    by_words = sign.body_contains is not None and sign.body_contains in page
    return by_status or by_words


def _holds(status: tuple[int, ...], words: str | None, result: HttpResult, page: str) -> bool:
    return (not status or result.status in status) and (words is None or words in page)
