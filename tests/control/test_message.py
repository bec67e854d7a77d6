"""Questions and answers as bytes: of a few sizes, bound to each other, and never a traceback."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_stage import KEY, PUBLIC
from schedule_rounds import START

from probe.control.message import (
    ANSWER_FORMAT,
    ASK_FORMAT,
    BATCH,
    Answer,
    Asked,
    Question,
    open_answer,
    pack_question,
    read_question,
    seal_answer,
)
from probe.control.snapshot import FORMAT, load_snapshot, new_snapshot, write_snapshot
from probe.errors import InputError
from probe.model.codec import encode
from probe.model.control import ControlKind, ControlObservation
from probe.wire.sealing import check_seal, sealed

NONCE = "ab" * 16


def asked(*names: str, **changes: Any) -> Asked:
    """Return what was asked."""
    fields: dict[str, Any] = {
        "nonce": NONCE,
        "endpoints": names,
        "catalog_digest": "d",
        "keys": {PUBLIC},
        "now": START,
    }
    return Asked(**{**fields, **changes})


def answer(*names: str, **changes: Any) -> Answer:
    """Return a good answer about these endpoints."""
    seen = tuple(
        ControlObservation(endpoint=n, source="s", kind=ControlKind.LIVE, observed=START)
        for n in names
    )
    fields: dict[str, Any] = {
        "nonce": NONCE,
        "created": START,
        "version": "1",
        "catalog_digest": "d",
        "country": "NL",
        "observations": seen,
    }
    return Answer(**{**fields, **changes})


@given(st.lists(st.text("abc/:.é", max_size=300), min_size=1, max_size=BATCH, unique=True))
def test_a_question_has_one_of_very_few_lengths(names: list[str]) -> None:
    """And comes back as it was: what is asked for does not show in its size."""
    question = Question(format=ASK_FORMAT, nonce=NONCE, catalog_digest="d", endpoints=tuple(names))
    packed = pack_question(question)
    assert len(packed) % 16_384 == 0
    assert read_question(packed).endpoints == question.endpoints


@pytest.mark.parametrize("count", [0, 1, 20, BATCH])
def test_an_answer_about_few_is_as_long_as_one_about_many(count: int) -> None:
    """How much could be seen does not show on the wire."""
    names = [f"service/http/host{n}.example:443/" for n in range(count)]
    packed = seal_answer(answer(*names), KEY)
    head, _, body = packed.partition(b"\n")
    assert len(body) == 65_536 + 1
    found, key = open_answer(packed, asked(*names))
    assert (len(found.observations), key) == (count, PUBLIC)
    assert len(head) == len(seal_answer(answer(), KEY).partition(b"\n")[0])


@given(st.binary(max_size=400))
def test_no_bytes_make_a_traceback(data: bytes) -> None:
    """Property: a question or an answer is read, or refused with a reason."""
    with pytest.raises(InputError):
        read_question(data)
    with pytest.raises(InputError):
        open_answer(data, asked("e"))


@given(data=st.data())
@settings(max_examples=60)
def test_any_signed_content_is_an_answer_or_a_reason(data: st.DataObject) -> None:
    """Property: a trusted key that signs nonsense costs its own answers only."""
    value = data.draw(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=10,
        )
    )
    body = msgspec.json.encode(value)
    packed = encode(sealed(body, KEY, ANSWER_FORMAT)) + b"\n" + body + b"\n"
    with pytest.raises(InputError):
        open_answer(packed, asked("e"))


@given(st.integers(0, 66_000), st.integers(1, 255))
@settings(max_examples=60)
def test_every_changed_byte_is_noticed(place: int, flip: int) -> None:
    """Property: in the seal, the content or the padding."""
    packed = bytearray(seal_answer(answer("e"), KEY))
    place %= len(packed) - 1
    packed[place] ^= flip
    with pytest.raises(InputError):
        open_answer(bytes(packed), asked("e"))


def test_what_was_signed_as_one_thing_is_no_other(tmp_path: Path) -> None:
    """An answer is no snapshot and a snapshot no answer, though one key signs both."""
    body = encode(answer("e"))
    seal = sealed(body, KEY, ANSWER_FORMAT)
    check_seal(seal, body, ANSWER_FORMAT)
    with pytest.raises(InputError, match="signature is wrong"):
        check_seal(seal, body, FORMAT)
    snapshot = new_snapshot((), now=START, catalog_digest="d", country="NL")
    file = tmp_path / "control.json"
    write_snapshot(snapshot, KEY, file)
    with pytest.raises(InputError, match="of the format 'probe-control-snapshot-1'"):
        open_answer(file.read_bytes(), asked("e"))
    forged = msgspec.structs.replace(seal, format=FORMAT)
    file.write_bytes(encode(forged) + b"\n" + body + b"\n")
    with pytest.raises(InputError, match="signature is wrong"):
        load_snapshot(file, keys={PUBLIC}, now=START)


@pytest.mark.parametrize("minutes", [-5, 0, 5])
def test_clocks_may_differ_by_five_minutes(minutes: int) -> None:
    """More makes "at the same time" a guess."""
    packed = seal_answer(answer("e"), KEY)
    open_answer(packed, asked("e", now=START + timedelta(minutes=minutes)))
    late = timedelta(minutes=minutes, seconds=1 if minutes >= 0 else -1)
    if abs(late) > timedelta(minutes=5):
        with pytest.raises(InputError, match="one of the two clocks is wrong"):
            open_answer(packed, asked("e", now=START + late))
