"""Steps to bytes and back: what is kept of a measurement, in full or thinned. Pure.

A step is split in two. Its *content* (who was asked, what came back, how it failed) is stored
once, however often it is seen again; its *figures* (times and byte counters) go into the
``trace`` of the one measurement. Certificates are taken out of the content and stored once.

In full, a measurement comes back as it was given, its times to the microsecond. That is how
every failure, every follow-up, every change of state and every first look is kept. A repeated
good result (see ``probe.store.writing``) is thinned, and only this is lost of it:

- times and durations are rounded to a millisecond (the start stays exact);
- the addresses of one DNS answer are put in order;
- response headers that change with every request (``VOLATILE_HEADERS``) are dropped;
- the hash of a body is dropped when it came over TLS with a valid certificate, where nobody on
  the way can have changed it (its length, title, status and marks stay).

No rule of a verdict reads any of these, so a verdict can be made again from a thinned one.
"""

import hashlib
import zlib
from collections.abc import Callable, Sequence
from copy import copy
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import force_setattr, replace

from probe.errors import StoreError
from probe.model.measurement import (
    DnsStep,
    ExchangeStep,
    HttpStep,
    Measurement,
    Step,
    TcpStep,
    TlsStep,
    TransferStep,
    UdpStep,
)

__all__ = [
    "FULL",
    "MAX_CERTIFICATE",
    "THIN",
    "VOLATILE_HEADERS",
    "Split",
    "Trace",
    "certificates_of",
    "compress",
    "decompress",
    "join",
    "parse_content",
    "prefix_of",
    "read_trace",
    "skim_trace",
    "split",
    "write_trace",
]

MAX_CERTIFICATE: Final = 65_536
"""Bytes of DER above which a certificate is not stored, only its hash: it is an attack."""

VOLATILE_HEADERS: Final = frozenset(
    {
        "age",
        "cf-ray",
        "date",
        "etag",
        "expires",
        "last-modified",
        "report-to",
        "set-cookie",
        "x-amz-cf-id",
        "x-amz-request-id",
        "x-request-id",
        "x-served-by",
        "x-timer",
    }
)

FULL, THIN, _RAW = 0, 1, 2  # forms of a trace: microseconds, milliseconds, floats as given
_UNIT = {FULL: 1e6, THIN: 1e3}
_MAX_BODY = 4_000_000  # bytes that one content may decompress to
_WINDOW_BITS = -13
_DICTIONARY: Final = (
    b"\xa7verdict\xa8interval\xa7unknown\xa8timeout\xa9connection_refused"
    b"\xa4type\xa3udp\xa4t0_s\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xa3t_s\xcb\x00\x00\x00\x00\x00"
    b"\x00\x00\x00\xa7failure\xc0\xa7address\xa4port\xa8protocol\xa4sent\x00\xa8received\x00"
    b"\xa5reply\xc0\xafconnection_reset\xb5generic_timeout_error\xb2dns_nxdomain_error"
    b"\x91\x92\xacapplication/\xa8location\xa8https://\xa4www.\xa4.com\xa4.org\xa4.net"
    b"\x8f\xa4type\xa3dns\xa4t0_s\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xa3t_s\xcb\x00\x00\x00\x00"
    b"\x00\x00\x00\x00\xa7failure\xc0\xa8hostname\xa5qtype\xa1A\xa4AAAA\xa6engine\xa6system"
    b"\xa8resolver\xa6system\xa3udp\xa3doh\xa5rcode\xc0\xa7answers\x91\x82\xa7address\xa3asn\xc0"
    b"\xa6cnames\x90\xa4late\x90"
    b"\x86\xa4type\xa3tcp\xa4t0_s\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xa3t_s\xcb\x00\x00\x00\x00"
    b"\x00\x00\x00\x00\xa7failure\xc0\xa7address\xa4port\xcd\x01\xbb"
    b"\xde\x00\x14\xa4type\xa4http\xa4t0_s\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xa3t_s\xcb\x00\x00"
    b"\x00\x00\x00\x00\x00\x00\xa7failure\xc0\xa6method\xa3GET\xa4host\xa4path\xa1/\xa7address"
    b"\xa4port\xcd\x01\xbb\xa3tls\xc3\xa8protocol\xa8HTTP/1.1\xa6HTTP/2\xa6status\xcc\xc8"
    b"\xa7headers\x93\x92\xa6server\xa5nginx\xaacloudflare\x92\xaccontent-type\xb8text/html; "
    b"charset=utf-8\x92\xaecontent-length\xa5title\xc0\xabbody_length\x00\xabbody_sha256\xc0"
    b"\xaebody_truncated\xc2\xa8expected\xc3\xacfingerprints\x90"
    b"\xde\x00\x11\xa4type\xa3tls\xa4t0_s\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xa3t_s\xcb\x00\x00"
    b"\x00\x00\x00\x00\x00\x00\xa7failure\xc0\xa7address\xa4port\xcd\x01\xbb\xa3sni"
    b"\xacalpn_offered\x92\xa2h2\xa8http/1.1\xa4alpn\xa2h2\xa7version\xa7TLSv1.3\xa6cipher"
    b"\xb6TLS_AES_128_GCM_SHA256\xb6TLS_AES_256_GCM_SHA384\xa5alert\xc0\xabcertificate\x87"
    b"\xa8packaged\xc0\xa6system\xc0\xa6issuer\xd9 CN=R11,O=Let's Encrypt,C=US\xd9(CN=WE1,O=Google"
    b" Trust Services,C=US\xb2issuer_spki_sha256\xd9@\xableaf_sha256\xd9@\xaanot_before\xb4202"
    b"\xa9not_after\xb4202\xa5chain\x93\xc4 \xaabytes_sent\x00\xaebytes_received\x00"
)
"""What zlib may refer back to: field names and usual values. Changing it makes a new format."""

_encode = msgspec.msgpack.Encoder().encode
_decode_step = msgspec.msgpack.Decoder(Step).decode
_decode_trace = msgspec.msgpack.Decoder(list[Any]).decode

Number = int | float


class Split(NamedTuple):
    """A measurement taken apart; ``contents`` and ``figures`` go step by step."""

    thin: bool
    contents: list[bytes]
    figures: list[tuple[Number, ...]]


class Trace(NamedTuple):
    """A trace as read: the fields that are not columns, and (evidence id, figures) a step."""

    duration_s: float
    monotonic_s: float
    bytes_sent: int
    bytes_received: int
    reason: str | None
    steps: tuple[tuple[int, tuple[Number, ...]], ...]


def prefix_of(content: bytes) -> int:
    """Return 63 bits of the content's SHA-256, which fit every database's integer."""
    return int.from_bytes(hashlib.sha256(content).digest()[:8]) >> 1


def compress(content: bytes) -> bytes:
    """Return raw deflate against the fixed dictionary: small inputs become a few dozen bytes."""
    packer = zlib.compressobj(6, zlib.DEFLATED, _WINDOW_BITS, 6, zdict=_DICTIONARY)
    return packer.compress(content) + packer.flush()


def decompress(body: bytes) -> bytes:
    """Return what ``compress`` packed.

    Raises:
        StoreError: the body is damaged, or would grow beyond all measure.

    """
    unpacker = zlib.decompressobj(_WINDOW_BITS, zdict=_DICTIONARY)
    try:
        content = unpacker.decompress(body, _MAX_BODY)
    except zlib.error as exc:
        raise StoreError(f"evidence is damaged: {exc}") from exc
    if not unpacker.eof:
        raise StoreError("evidence is cut short or too large")
    return content


def split(measurement: Measurement, *, thin: bool) -> Split:
    """Take a measurement's steps apart, thinned or in full."""
    contents: list[bytes] = []
    figures: list[tuple[Number, ...]] = []
    proved = thin and _proved(measurement.steps)
    for step in measurement.steps:
        kind = type(step)
        bare = copy(step)
        for name, nothing in _NOTHING[kind]:
            force_setattr(bare, name, nothing)
        if kind is TlsStep:
            _name_chain(bare)
        elif thin:
            _thin(bare, proved=proved)
        contents.append(_encode(bare))
        figures.append(_figures[kind](step))
    return Split(thin, contents, figures)


def _name_chain(bare: Any) -> None:
    """Put the certificates' SHA-256 in their place, in a copy of ours."""
    force_setattr(bare, "chain", tuple([hashlib.sha256(der).digest() for der in bare.chain]))


def _thin(bare: Any, *, proved: bool) -> None:
    """Take out of a copy of ours what a repeated good result need not keep."""
    if isinstance(bare, DnsStep) and len(bare.answers) > 1:
        in_order = sorted(bare.answers, key=lambda answer: answer.address)
        force_setattr(bare, "answers", tuple(in_order))
    elif isinstance(bare, HttpStep):
        kept = [header for header in bare.headers if header[0] not in VOLATILE_HEADERS]
        force_setattr(bare, "headers", tuple(kept))
        if proved and bare.tls:
            force_setattr(bare, "body_sha256", None)


def _proved(steps: Sequence[Step]) -> bool:
    """Say whether a certificate proves who answered."""
    for step in steps:
        if type(step) is TlsStep and step.failure is None:
            check = step.certificate
            if check is not None and check.packaged is None:
                return True
    return False


def certificates_of(step: Step) -> dict[bytes, bytes]:
    """Return the certificates of a step, by SHA-256, that are small enough to be stored."""
    chain = step.chain if isinstance(step, TlsStep) else ()
    return {hashlib.sha256(der).digest(): der for der in chain if len(der) <= MAX_CERTIFICATE}


def write_trace(measurement: Measurement, parts: Split, ids: Sequence[int]) -> bytes:
    """Return the trace: ``ids`` are those of the contents, in order.

    Times are whole numbers, each as its distance from the one before, and so are the ids: most
    of them then take one byte.
    """
    form = THIN if parts.thin else FULL
    unit = _UNIT[form]
    head = (measurement.bytes_sent, measurement.bytes_received, measurement.reason)
    try:
        trace: list[Any] = [form, *head, round(measurement.monotonic_s * unit), 0]
        before_id = before = 0
        for evidence_id, (t0_s, t_s, *counters) in zip(ids, parts.figures, strict=True):
            t0, t = round(t0_s * unit), round(t_s * unit)
            trace.append((evidence_id - before_id, t0 - before, t - t0, *counters))
            before_id, before = evidence_id, t
        trace[5] = round(measurement.duration_s * unit) - before
        return _encode(trace)
    except (OverflowError, ValueError):  # infinite, not a number, or beyond 64 bits
        raw = [_RAW, *head, measurement.monotonic_s, measurement.duration_s]
        steps = zip(ids, parts.figures, strict=True)
        return _encode(raw + [(number, *figures) for number, figures in steps])


def read_trace(data: bytes) -> Trace:
    """Return what ``write_trace`` wrote.

    Raises:
        StoreError: the trace is damaged or of a newer form.

    """
    try:
        form, sent, received, reason, monotonic, duration, *rest = _decode_trace(data)
        if form == _RAW:
            steps = tuple((int(number), tuple(figures)) for number, *figures in rest)
            return Trace(duration, monotonic, sent, received, reason, steps)
        unit = _UNIT[form]
        found: list[tuple[int, tuple[Number, ...]]] = []
        number = time = 0
        for number_step, t0_step, t_step, *counters in rest:
            number += number_step
            t0 = time + t0_step
            time = t0 + t_step
            found.append((number, (t0 / unit, time / unit, *counters)))
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as exc:
        raise StoreError(f"a trace is damaged: {exc}") from exc
    return Trace((time + duration) / unit, monotonic / unit, sent, received, reason, tuple(found))


def skim_trace(data: bytes) -> tuple[tuple[int, ...], float, int, int, str | None]:
    """Return the ids of a trace's steps, its length in seconds, bytes sent and received, reason.

    It is what a long table needs of a trace, in a third of the time that ``read_trace`` takes.

    Raises:
        StoreError: the trace is damaged or of a newer form.

    """
    try:
        form, sent, received, reason, _, duration, *rest = _decode_trace(data)
        ids: list[int] = []
        number, time = 0, duration
        if form == _RAW:
            ids = [step[0] for step in rest]
        else:
            for step in rest:
                number += step[0]
                time += step[1] + step[2]
                ids.append(number)
            time /= _UNIT[form]
        if ids and min(ids) < 0:
            raise StoreError(f"a trace is damaged: a step has the number {min(ids)}")
        return tuple(ids), time, sent, received, reason
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, IndexError) as exc:
        raise StoreError(f"a trace is damaged: {exc}") from exc


def parse_content(content: bytes) -> Step:
    """Return the step that a content stands for, without its figures; chains are hashes.

    Raises:
        StoreError: the content is damaged.

    """
    try:
        step: Step = _decode_step(content)
    except msgspec.MsgspecError as exc:
        raise StoreError(f"evidence is damaged: {exc}") from exc
    return step


def join(
    bare: Step, figures: Sequence[Number], certificate: Callable[[bytes], bytes | None]
) -> Step:
    """Put a step together again; ``certificate`` finds DER by its SHA-256.

    Raises:
        StoreError: the figures do not fit the content.

    """
    names = _FIGURES[type(bare)]
    if len(names) != len(figures):
        raise StoreError(f"evidence is damaged: {len(figures)} figures for a step")
    values: dict[str, Any] = dict(zip(names, figures, strict=True))
    if isinstance(bare, TlsStep) and bare.chain:
        found = (certificate(sha256) for sha256 in bare.chain)
        values["chain"] = tuple(der for der in found if der is not None)
    try:
        return replace(bare, **values)
    except ValueError as exc:
        raise StoreError(f"evidence is damaged: {exc}") from exc


_FIGURES: dict[type[Any], tuple[str, ...]] = {
    DnsStep: ("t0_s", "t_s"),
    TcpStep: ("t0_s", "t_s"),
    TlsStep: ("t0_s", "t_s", "bytes_sent", "bytes_received"),
    HttpStep: ("t0_s", "t_s", "body_length"),
    UdpStep: ("t0_s", "t_s", "sent", "received"),
    ExchangeStep: ("t0_s", "t_s", "bytes_sent", "bytes_received"),
    TransferStep: ("t0_s", "t_s"),
}
_NOTHING = {
    kind: tuple((name, 0.0 if name.endswith("_s") else 0) for name in names)
    for kind, names in _FIGURES.items()
}
_figures: dict[type[Any], Callable[[Any], tuple[Number, ...]]] = {
    kind: attrgetter(*names) for kind, names in _FIGURES.items()
}
