"""A table of flows that cannot grow without bound: the idle go first, then the oldest."""

from typing import Generic, Protocol, TypeVar

__all__ = ["FlowKey", "FlowTable"]

FlowKey = tuple[bytes, int, bytes, int]
"""Client address and port, server address and port."""

IDLE_S = 600.0
LIMIT = 16_384


class _Seen(Protocol):
    seen_s: float


_Flow = TypeVar("_Flow", bound=_Seen)


class FlowTable(Generic[_Flow]):
    """Flows by key; one flow may be known under two keys (rewritten and not)."""

    def __init__(self, limit: int = LIMIT, idle_s: float = IDLE_S) -> None:
        """Hold ``limit`` keys; who was silent for ``idle_s`` may be forgotten."""
        self._limit = limit
        self._idle_s = idle_s
        self._flows: dict[FlowKey, _Flow] = {}
        self.get = self._flows.get

    def __len__(self) -> int:
        """Return how many keys are known."""
        return len(self._flows)

    def put(self, key: FlowKey, flow: _Flow, at_s: float) -> None:
        """Know ``flow`` as ``key``; it takes the place of an older one."""
        if len(self._flows) >= self._limit and key not in self._flows:
            self._make_room(at_s)
        self._flows.pop(key, None)
        self._flows[key] = flow

    def drop(self, key: FlowKey) -> None:
        """Forget what is known as ``key``."""
        self._flows.pop(key, None)

    def _make_room(self, at_s: float) -> None:
        """Forget the idle; when they are few, the oldest eighth: so it is seldom done."""
        eighth = max(1, self._limit // 8)
        idle = [k for k, flow in self._flows.items() if at_s - flow.seen_s > self._idle_s]
        for key in idle if len(idle) >= eighth else list(self._flows)[:eighth]:
            del self._flows[key]
