"""What a line asks a live control, and the signed answer.

A question names endpoints by their ids in a catalog that both sides hold, and nothing else: no
host, no address, no path. Both directions are padded to whole kilobytes of a size class, so that
their length says little. An answer repeats the question's nonce, so that an old one cannot be
given again, and is sealed like a snapshot, by the same key.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

import msgspec

from probe.errors import InputError
from probe.model.address import parse_ip
from probe.model.codec import decode, encode
from probe.model.control import ControlKind, ControlObservation
from probe.model.failure import check_failure
from probe.wire.sealing import Seal, check_seal, sealed

__all__ = [
    "ANSWER_FORMAT",
    "ASK_FORMAT",
    "BATCH",
    "MAX_ASK",
    "MAX_SKEW",
    "OBSERVE_PATH",
    "Answer",
    "Asked",
    "Question",
    "Refused",
    "open_answer",
    "pack_question",
    "read_question",
    "seal_answer",
]

ASK_FORMAT = "probe-control-ask-1"
ANSWER_FORMAT = "probe-control-answer-1"
OBSERVE_PATH = "/v1/observe"
BATCH = 48
"""Endpoints in one question: a fixed number, as far as there are so many."""

MAX_ASK = 65_536
"""Bytes of a question; 48 ids of 300 characters are 15 kB."""

MAX_SKEW = timedelta(minutes=5)
"""Clocks further apart than this make "at the same time" a guess."""

OLDEST = timedelta(minutes=30)
_ASK_CLASS = 16_384
_ANSWER_CLASS = 65_536
_MAX_ID = 400
_NONCE = 32  # characters
_DIGITS = frozenset("0123456789abcdef")
_MAX_TEXT = 600
_MAX_ADDRESSES = 64
_OPERATION = re.compile(r"[a-z0-9_-]{1,20}")
_COUNTRY = re.compile(r"[A-Za-z]{2}")


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A batch of endpoints to be looked at."""

    format: str
    nonce: str
    catalog_digest: str
    endpoints: tuple[str, ...]
    padding: str = ""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint that this control does not look at, and why."""

    endpoint: str
    reason: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a control saw, when it answered, and what it could not say.

    ``gate`` says in words why its own line sees nothing now; there are no observations then.
    ``pending`` are endpoints to ask for again.
    """

    format: str = ANSWER_FORMAT
    nonce: str
    created: datetime
    version: str
    catalog_digest: str
    country: str
    gate: str | None = None
    observations: tuple[ControlObservation, ...] = ()
    pending: tuple[str, ...] = ()
    refused: tuple[Refused, ...] = ()
    padding: str = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer has to fit: what was asked, when, by whom it may be signed."""

    nonce: str
    endpoints: Collection[str]
    catalog_digest: str
    keys: Collection[str]
    now: datetime


def pack_question(question: Question) -> bytes:
    """Return a question as it is sent, padded."""
    return _padded(question, _ASK_CLASS)


def read_question(data: bytes) -> Question:
    """Return the question in ``data``.

    Raises:
        InputError: it is none, or asks for too much.

    """
    if len(data) > MAX_ASK:
        raise InputError("the question is too large")
    question = decode(data, Question)
    if question.format != ASK_FORMAT:
        raise InputError("the question is of another format")
    if len(question.nonce) != _NONCE or not _DIGITS.issuperset(question.nonce):
        raise InputError("the question has no nonce")
    if not 0 < len(question.endpoints) <= BATCH:
        raise InputError(f"a question is about 1 to {BATCH} endpoints")
    if any(len(name) > _MAX_ID for name in question.endpoints):
        raise InputError("an endpoint's id is too long")
    return question


def seal_answer(answer: Answer, private_key: bytes) -> bytes:
    """Return an answer as it is sent: the seal's line and its own, padded."""
    body = _padded(answer, _ANSWER_CLASS)
    return encode(sealed(body, private_key, ANSWER_FORMAT)) + b"\n" + body + b"\n"


def _padded(message: Question | Answer, size: int) -> bytes:
    missing = -len(encode(message)) % size
    return encode(msgspec.structs.replace(message, padding="0" * missing))


def open_answer(data: bytes, asked: Asked) -> tuple[Answer, str]:
    """Return the answer in ``data``, if it can be believed, and the key that signed it.

    Raises:
        InputError: with the reason in words: signed by somebody else, cut short, an answer to
            another question, of another catalog, of another time, or about what was not asked.

    """
    head, newline, rest = data.partition(b"\n")
    body, end, _ = rest.partition(b"\n")
    if not newline or not end:
        raise InputError("its answer was cut short")
    try:
        seal = decode(head, Seal)
    except InputError as exc:
        raise InputError("what answers is no control server") from exc
    if seal.format != ANSWER_FORMAT:
        raise InputError(f"its answer is of the format {seal.format[:60]!r}, not {ANSWER_FORMAT!r}")
    check_seal(seal, body, ANSWER_FORMAT)
    if seal.key not in asked.keys:
        raise InputError(
            f"it signs with a key that is not trusted: {seal.key[:64]}",
            mend="if whoever runs it names this key, run: probe control trust KEY",
        )
    try:
        answer = decode(body, Answer)
    except InputError as exc:
        raise InputError("its answer is incomplete or of another version") from exc
    _check(answer, asked)
    return answer, seal.key


def _check(answer: Answer, asked: Asked) -> None:
    if answer.nonce != asked.nonce:
        raise InputError("it gave an answer to another question")
    if not _is_words(answer.catalog_digest) or not _is_words(answer.gate or ""):
        raise InputError("its answer is damaged")
    if answer.catalog_digest != asked.catalog_digest:
        raise InputError(
            f"it measures another catalog ({answer.catalog_digest[:12]}, here"
            f" {asked.catalog_digest[:12]})",
            mend="use the same version of probe at both ends",
        )
    _check_time(answer.created, "its answer", asked.now, MAX_SKEW)
    if not _COUNTRY.fullmatch(answer.country):
        raise InputError("its answer names no country")
    names = [one.endpoint for one in answer.observations]
    told = {*names, *answer.pending, *(one.endpoint for one in answer.refused)}
    if not told <= set(asked.endpoints) or len(set(names)) != len(names):
        raise InputError("it answered what was not asked")
    if answer.gate is not None and answer.observations:
        raise InputError("it says that its line is unfit, and what that line saw")
    for one in answer.observations:
        _check_observation(one, asked.now)


def _check_time(at: datetime, what: str, now: datetime, most: timedelta) -> None:
    if at.tzinfo is None:
        raise InputError(f"{what} has a time without a zone")
    apart = at.astimezone(UTC) - now
    if abs(apart) > most:
        minutes = round(abs(apart).total_seconds() / 60)
        side = "ahead of" if apart > timedelta() else "behind"
        raise InputError(
            f"{what} is {minutes} min {side} this machine's clock",
            mend="one of the two clocks is wrong",
        )


def _check_observation(one: ControlObservation, now: datetime) -> None:
    """See that an observation is one that a control can make.

    Raises:
        InputError: it is not.

    """
    _check_time(one.observed, "an observation of it", now, OLDEST)
    if one.observed.astimezone(UTC) > now + MAX_SKEW:
        raise InputError("it saw something in the future")
    try:
        check_failure(one.failure)
    except ValueError as exc:
        raise InputError("an observation of it names a failure that is none") from exc
    texts = (one.source, one.issuer, one.title, one.leaf_sha256, one.body_sha256)
    failure = one.failure or ""
    addresses = (*one.addresses, *(() if one.address is None else (one.address,)))
    sound = (
        one.kind is ControlKind.LIVE
        and _operation_fits(one)
        and _is_words(failure)
        and len(one.asns) <= _MAX_ADDRESSES
        and len(addresses) <= _MAX_ADDRESSES
        and all(parse_ip(address) is not None for address in addresses)
        and all(text is None or len(text) <= _MAX_TEXT for text in texts)
        and (one.status is None or 100 <= one.status <= 999)
    )
    if not sound:
        raise InputError("an observation of it is damaged")


def _is_words(text: str) -> bool:
    """Return whether ``text`` is one short line that drives no terminal."""
    return len(text) <= _MAX_TEXT and text.isprintable()


def _operation_fits(one: ControlObservation) -> bool:
    """Return whether what failed is named only where something failed."""
    name = one.failed_operation
    return name is None or (one.failure is not None and _OPERATION.fullmatch(name) is not None)
