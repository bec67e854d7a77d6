"""Metrics for Prometheus: what is cut now and whether measuring goes on; no name of a host."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from probe.model.record import Judged
from probe.model.verdict import State
from probe.store.database import Store

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import GaugeMetricFamily

__all__ = ["exposition", "registry", "write_textfile"]


class _Collector:
    """Reads the store anew each time that it is asked."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> "Iterator[GaugeMetricFamily]":
        """Yield every metric; times are seconds since 1970."""
        from prometheus_client.core import GaugeMetricFamily

        def gauge(name: str, text: str, value: float) -> "GaugeMetricFamily":
            return GaugeMetricFamily(name, text, value=value)

        state = self._store.state()
        yield gauge(
            "probe_rounds_closed", "Rounds closed since the store began.", state.closed_rounds
        )
        newest = self._store.round(state.last_round) if state.last_round else None
        if newest is not None:
            yield gauge(
                "probe_last_round_start_timestamp_seconds",
                "When the newest round began.",
                newest.started.timestamp(),
            )
            yield gauge(
                "probe_round_open", "Whether it is still open.", float(newest.ended is None)
            )
            gates = GaugeMetricFamily(
                "probe_gate_closed", "Gates of the newest closed round.", labels=("gate",)
            )
            if newest.context is not None:
                for gate in newest.context.gates:
                    gates.add_metric((gate.id.value,), 1.0)
            yield gates
        yield from self._services()

    def _services(self) -> "Iterator[GaugeMetricFamily]":
        from prometheus_client.core import GaugeMetricFamily

        family = GaugeMetricFamily(
            "probe_service_state",
            "1 for the state of each service at its last look.",
            labels=("service", "state", "mechanism", "locus", "confidence"),
        )
        failed = GaugeMetricFamily(
            "probe_service_failed", "Whether the last look counts as failed.", labels=("service",)
        )
        for row in self._store.last_looks():
            family.add_metric(_labels(row), 1.0)
            failed.add_metric((row.service,), float(row.state in _BAD))
        yield family
        yield failed


_BAD = frozenset({State.BLOCKED, State.DEGRADED, State.DOWN})


def _labels(row: Judged) -> tuple[str, ...]:
    return (
        row.service,
        *(str(part) for part in (row.state, row.mechanism, row.locus, row.confidence)),
    )


def registry(store: Store) -> "CollectorRegistry":
    """Return a registry that reads this store."""
    from prometheus_client import CollectorRegistry

    made = CollectorRegistry(auto_describe=False)
    made.register(_Collector(store))
    return made


def exposition(store: Store) -> bytes:
    """Return the metrics in Prometheus' text format."""
    from prometheus_client import generate_latest

    return generate_latest(registry(store))


def write_textfile(store: Store, out: Path) -> None:
    """Write the metrics for node_exporter's textfile collector, whole or not at all."""
    from prometheus_client import write_to_textfile

    write_to_textfile(str(out), registry(store))
