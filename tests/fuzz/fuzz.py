"""Give broken bytes to everything that reads a network: ``python tests/fuzz/fuzz.py``.

Hypothesis breaks messages of each reader, a few hundred at a time, one reader after the other,
until the time is over. An error that no docstring declares ends it: the smallest bytes that raise
it are printed in hexadecimal, with the seed of that round. Nothing is sent anywhere.
"""

import argparse
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck

sys.path.insert(0, str(Path(__file__).parent))

from hostile import Reader, hostile_bytes
from net_readers import NET_READERS
from wire_readers import WIRE_READERS

from probe.clock import Clock, SystemClock

__all__ = ["READERS", "Fault", "Fuzzing", "main"]

READERS: dict[str, Reader] = {**WIRE_READERS, **NET_READERS}
MINUTES = 10.0
AT_A_TIME = 300
"""Messages for one reader before the next has its turn."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a reader raised that it does not declare, and the smallest bytes that make it."""

    reader: str
    data: bytes
    error: BaseException
    seed: int

    def __str__(self) -> str:
        """Return it as it is told."""
        lines = "".join(traceback.format_exception(self.error)).rstrip()
        return f"{self.reader}, seed {self.seed}: {self.data.hex() or 'no bytes'}\n{lines}"


@dataclass(slots=True)
class Fuzzing:
    """A run: ``messages`` counts what each reader was given."""

    readers: Mapping[str, Reader]
    clock: Clock
    at_a_time: int = AT_A_TIME
    messages: dict[str, int] = field(default_factory=dict)

    def run(self, seconds: float, seed: int = 0) -> Fault | None:
        """Go round until ``seconds`` have passed, once at least; return the first fault."""
        until_s = self.clock.monotonic_s() + seconds
        for turn in count(seed):
            for reader in self.readers.values():
                fault = self.turn(reader, turn)
                if fault is not None:
                    return fault
                if turn > seed and self.clock.monotonic_s() >= until_s:
                    return None
            if self.clock.monotonic_s() >= until_s:
                return None
        return None

    def turn(self, reader: Reader, seed: int) -> Fault | None:
        """Give one reader its messages of this round."""
        last = b""

        @hypothesis.seed(seed)
        @hypothesis.settings(
            max_examples=self.at_a_time,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            print_blob=False,
            report_multiple_bugs=False,
        )
        @hypothesis.given(data=hostile_bytes(reader))
        def give(data: bytes) -> None:
            nonlocal last
            last = data
            self.messages[reader.name] = self.messages.get(reader.name, 0) + 1
            reader(data)

        try:
            give()
        except Exception as error:  # noqa: BLE001 - whatever it is, it was not declared
            return Fault(reader.name, last, error, seed)
        return None


def main(arguments: list[str] | None = None) -> int:
    """Run; 1 when a reader raised what it does not declare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="readers (default: all)")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    args = parser.parse_args(arguments)
    unknown = sorted(set(args.names) - set(READERS))
    if unknown:
        parser.error(f"no reader is called {unknown[0]!r}; there are: {', '.join(READERS)}")
    chosen = {name: READERS[name] for name in args.names or READERS}
    fuzzing = Fuzzing(chosen, SystemClock())
    fault = fuzzing.run(args.minutes * 60, args.seed)
    for name, given in fuzzing.messages.items():
        print(f"{name:22} {given:>9}")
    if fault is not None:
        print(fault, file=sys.stderr)
        return 1
    told = sum(fuzzing.messages.values())
    print(f"{told} messages to {len(chosen)} readers: nothing but declared errors")
    return 0


if __name__ == "__main__":
    sys.exit(main())
