"""The table of measurements: one row for each look, follow-ups too, with what its steps came to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from probe.export.household import shown_step
from probe.export.publish import published_step
from probe.export.stored import (
    ENDPOINT,
    ROUND,
    VERDICT,
    View,
    endpoint_cells,
    names,
    round_cells,
    verdict_cells,
)
from probe.export.table import Batch, Cell, Coded, Column, Plain, Table, Times
from probe.model.measurement import (
    DnsStep,
    ExchangeStep,
    HttpStep,
    Step,
    TcpStep,
    TlsStep,
    TransferStep,
    UdpStep,
)
from probe.model.selection import Selection
from probe.store.codes import OUTCOME, VARIANT
from probe.store.evidence import skim_trace
from probe.store.scan import MeasurementBatch, RoundFacts
from probe.store.scanning import Scan

__all__ = ["TABLE", "batches"]

_LOOK: Final = (
    Column("variant", "string", "main, or which follow-up this is."),
    Column("outcome", "string", "measured, not_run, not_measured_yet or interrupted."),
)
_SEEN: Final = (
    Column("failure", "string", "How the last step failed (OONI's failure strings)."),
    Column(
        "failed_operation",
        "string",
        "The step that failed: dns, tcp, tls, http, udp, exchange, transfer.",
    ),
    Column("resolver", "string", "Who was asked for the name."),
    Column("answers", "string", "Addresses of the DNS answers, separated by spaces."),
    Column("address", "string", "The address that was dialled last."),
    Column("port", "integer", "Its port."),
    Column("sni", "string", "The name that the TLS handshake said."),
    Column("tls_version", "string", "Negotiated version of TLS."),
    Column("tls_alert", "string", "The alert that the peer sent (RFC 8446)."),
    Column("tls_certificate", "string", "valid, or why the packaged roots refuse the chain."),
    Column("tls_issuer", "string", "Issuer of the leaf certificate (RFC 4514)."),
    Column("tls_leaf_sha256", "string", "SHA-256 of the leaf certificate, hex."),
    Column("http_status", "integer", "Status of the last response."),
    Column("http_title", "string", "Title of the page that came."),
    Column("http_body_sha256", "string", "SHA-256 of its body, hex; empty when thinned."),
    Column("fingerprints", "string", "Known block pages and products seen, separated by spaces."),
    Column("protocol", "string", "A protocol of its own that was spoken, over UDP or TCP."),
    Column("reply", "string", "What came back in it; never quoted."),
    Column("proof", "string", "What the reply shows about who sent it."),
)
TABLE = Table(
    "measurements",
    "Every look at an endpoint, first looks and follow-ups",
    (
        Column("time", "datetime", "When it began, UTC."),
        *ROUND,
        *ENDPOINT,
        Column("record", "integer", "Number of the record in its round.", private=True),
        Column("seq", "integer", "Place in the record's bundle; 0 is the first look."),
        *_LOOK,
        Column("duration_ms", "number", "How long it took, milliseconds."),
        Column("bytes_sent", "integer", "Bytes on the wire, sent."),
        Column("bytes_received", "integer", "Bytes on the wire, received."),
        Column("note", "string", "Why it was not run."),
        *_SEEN,
        *VERDICT,
    ),
)
_OPERATION: Final[dict[type[Any], str]] = {
    DnsStep: "dns",
    TcpStep: "tcp",
    TlsStep: "tls",
    HttpStep: "http",
    UdpStep: "udp",
    ExchangeStep: "exchange",
    TransferStep: "transfer",
}
_MAX_REMEMBERED = 50_000


def batches(scan: Scan, chosen: Selection, view: View) -> Iterator[Batch]:
    """Yield the chosen measurements, by round, record and place in the bundle."""
    seen = _Seen(scan, published=view.shown is not None)
    for found in scan.measurements(chosen):
        batch = _batch(found, view, seen)
        if batch.size:
            yield batch


class _Seen:
    """What the steps of a look came to; looks repeat, so each is worked out once."""

    def __init__(self, scan: Scan, *, published: bool) -> None:
        self._scan = scan
        self._published = published
        self._steps: dict[int, Step] = {}

    def load(self, keys: Iterable[tuple[int, ...]]) -> None:
        """Read the steps of a batch."""
        if len(self._steps) > _MAX_REMEMBERED:
            self._steps.clear()
        missing = {number for key in keys for number in key}.difference(self._steps)
        found = self._scan.steps(missing)
        self._steps.update({number: self._shown(step) for number, step in found.items()})

    def _shown(self, step: Step) -> Step:
        return published_step(shown_step(step)) if self._published else shown_step(step)

    def cells(self, key: tuple[int, ...]) -> tuple[Cell, ...]:
        """Return the cells of ``_SEEN``."""
        return _came_to([self._steps[number] for number in key])


def _batch(found: MeasurementBatch, view: View, seen: _Seen) -> Batch:
    rounds: Mapping[int, RoundFacts] = view.rounds(found.rounds)
    columns: list[Any] = list(found[:9])
    if len(rounds) < len(found.rounds):
        kept = [row for row in zip(*columns, strict=True) if row[0] in rounds]
        columns = list(zip(*kept, strict=True)) or [()] * len(columns)
    round_, no, seq, endpoint, variant, outcome, time_us, trace, ruling = columns
    skimmed = [skim_trace(data) for data in trace]
    keys, duration, sent, received, reason = list(zip(*skimmed, strict=True)) or [()] * 5
    seen.load(set(keys))
    endpoints, rulings, categories = found.endpoints, found.rulings, view.categories
    return Batch(
        len(round_),
        (
            Times("time", view.times(_array(time_us), _array(round_), rounds)),
            Coded(names(ROUND), _array(round_), lambda key: round_cells(rounds[key])),
            Coded(
                names(ENDPOINT),
                _array(endpoint),
                lambda key: endpoint_cells(endpoints[key], categories),
            ),
            Plain("record", _array(no)),
            Plain("seq", _array(seq)),
            Coded(names(_LOOK), list(zip(variant, outcome, strict=True)), _look_cells),
            Plain("duration_ms", [round(one * 1e3, 3) for one in duration]),
            Plain("bytes_sent", _array(sent)),
            Plain("bytes_received", _array(received)),
            Coded(("note",), reason, lambda key: (key,)),
            Coded(names(_SEEN), keys, seen.cells),
            Coded(
                names(VERDICT),
                ruling,
                lambda key: verdict_cells(None if key is None else rulings[key]),
            ),
        ),
    )


def _array(values: Sequence[int]) -> Any:
    import numpy as np

    return np.array(values, dtype=np.int64)


def _look_cells(key: tuple[int, int]) -> tuple[Cell, ...]:
    return VARIANT.member(key[0]).value, OUTCOME.member(key[1]).value


def _came_to(steps: Sequence[Step]) -> tuple[Cell, ...]:
    """Return the cells of ``_SEEN``: of each kind of step the last, of DNS all answers."""
    last: dict[type[Any], Any] = {type(step): step for step in steps}
    asked = [step for step in steps if isinstance(step, DnsStep)]
    answers = dict.fromkeys(answer.address for step in asked for answer in step.answers)
    dialled = next((step for step in reversed(steps) if not isinstance(step, DnsStep)), None)
    end = steps[-1] if steps else None
    failed = end is not None and end.failure is not None
    tls: TlsStep | None = last.get(TlsStep)
    http: HttpStep | None = last.get(HttpStep)
    spoken: UdpStep | ExchangeStep | None = last.get(ExchangeStep) or last.get(UdpStep)
    proof = spoken.proof if isinstance(spoken, ExchangeStep) else None
    return (
        end.failure if end is not None else None,
        _OPERATION[type(end)] if failed else None,
        asked[-1].resolver if asked else None,
        " ".join(answers) or None,
        dialled.address if dialled is not None else None,
        dialled.port if dialled is not None else None,
        *_tls_cells(tls),
        http.status if http else None,
        http.title if http else None,
        http.body_sha256 if http else None,
        " ".join(http.fingerprints) or None if http else None,
        spoken.protocol if spoken else None,
        spoken.reply if spoken else None,
        None if proof is None else proof.value,
    )


def _tls_cells(step: TlsStep | None) -> tuple[Cell, ...]:
    if step is None:
        return (None,) * 6
    check = step.certificate
    said = None if check is None else check.packaged or "valid"
    return (
        step.sni,
        step.version,
        step.alert,
        said,
        check.issuer if check else None,
        (check.leaf_sha256 or None) if check else None,
    )
