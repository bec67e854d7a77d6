"""What the steps of a look came to, as cells; worked out once for each list of steps.

Looks repeat. So a list of steps gets a number of its own, and a batch of looks is a column of
such numbers.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace

from probe.analysis.arrays import IntArray
from probe.export.household import shown_step
from probe.export.numbers import ListNumbers
from probe.export.publish import published_step
from probe.export.table import Cell, Column
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
from probe.store.scanning import Scan

__all__ = ["SEEN", "Seen"]

SEEN: Final = (
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
_OPERATION: Final[dict[type[Any], str]] = {
    DnsStep: "dns",
    TcpStep: "tcp",
    TlsStep: "tls",
    HttpStep: "http",
    UdpStep: "udp",
    ExchangeStep: "exchange",
    TransferStep: "transfer",
}
_MAX_REMEMBERED: Final = 20_000
"""Lists and steps that are kept; then they are forgotten, and read again."""


class Seen:
    """What the steps of looks came to."""

    def __init__(self, scan: Scan, *, published: bool) -> None:
        """Take where steps are read; ``published`` ones are shown to strangers."""
        self._scan = scan
        self._published = published
        self._lists = ListNumbers()
        self._cells: dict[int, tuple[Cell, ...]] = {}
        self._steps: dict[int, Step] = {}

    def numbers(self, steps: IntArray) -> IntArray:
        """Return the number of each look's list of steps (a column of ``Skimmed.steps``)."""
        if len(self._cells) > _MAX_REMEMBERED:
            self._cells.clear()
            self._lists.forget()
        numbers, fresh = self._lists.of(steps)
        self._load({step for one in fresh.values() for step in one})
        for number, one in fresh.items():
            self._cells[number] = came_to([self._steps[step] for step in one])
        return numbers

    def cells(self, number: int) -> tuple[Cell, ...]:
        """Return the cells of ``SEEN`` of a list that was numbered last or shortly before."""
        return self._cells[number]

    def _load(self, wanted: Iterable[int]) -> None:
        if len(self._steps) > _MAX_REMEMBERED:
            self._steps.clear()
        found = self._scan.steps(set(wanted).difference(self._steps))
        self._steps.update({number: self._shown(step) for number, step in found.items()})

    def _shown(self, step: Step) -> Step:
        """Return a step as it may be told, without its chain: kilobytes that no cell shows."""
        told = published_step(shown_step(step)) if self._published else shown_step(step)
        return replace(told, chain=()) if isinstance(told, TlsStep) and told.chain else told


def came_to(steps: Sequence[Step]) -> tuple[Cell, ...]:
    """Return the cells of ``SEEN``: of each kind of step the last, of DNS all answers."""
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
