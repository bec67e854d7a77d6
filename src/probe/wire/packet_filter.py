"""The kernel's packet filter for a trace: packets of one place, and ICMP errors about them.

Classic BPF (McCanne and Jacobson, USENIX 1993; linux/filter.h), on packets that start with
their IP header. What is not let through never reaches this program: a trace on a busy server
reads nobody else's traffic.
"""

import ipaddress
from collections.abc import Sequence
from struct import Struct

__all__ = ["packet_filter"]

_INSTRUCTION = Struct("=HBBI")
_LOAD_WORD, _LOAD_BYTE, _LOAD_WORD_X = 0x20, 0x30, 0x40
_LOAD_HEADER_LENGTH = 0xB1  # X = 4 * (byte & 0x0f)
_AND, _IF_EQUAL, _RETURN = 0x54, 0x15, 0x06
_ICMP, _ICMP6 = 1, 58
_ALL, _NOTHING = 0x40000, 0
_QUOTED_TARGET_4 = 8 + 16
"""From the end of the IP header: past ICMP's own, to the quoted packet's destination."""


class _Program:
    """Tests in a row: each lets the packet pass, or goes on with the next."""

    def __init__(self) -> None:
        self.tests: list[list[tuple[int, int]]] = []

    def when(self, *loads_and_values: tuple[tuple[tuple[int, int], ...], int]) -> None:
        """Let a packet pass of which all loads give their values."""
        test: list[tuple[int, int]] = []
        for loads, value in loads_and_values:
            test += [*loads, (_IF_EQUAL, value)]
        self.tests.append(test)

    def compiled(self) -> bytes:
        """Return the instructions; a value that differs leads to the next test."""
        rows: list[tuple[int, int, int, int]] = []
        for test in self.tests:
            size = len(test) + 1
            for at, (code, value) in enumerate(test):
                miss = size - at - 1 if code == _IF_EQUAL else 0
                rows.append((code, 0, miss, value))
            rows.append((_RETURN, 0, 0, _ALL))
        rows.append((_RETURN, 0, 0, _NOTHING))
        return b"".join(_INSTRUCTION.pack(*row) for row in rows)


def packet_filter(addresses: Sequence[str]) -> bytes:
    """Return the filter that passes packets from and to ``addresses``, and errors about them.

    An ICMP error passes when the packet that it quotes was for one of them.

    Raises:
        ValueError: for what is no address.

    """
    program = _Program()
    for address in addresses:
        ip = ipaddress.ip_address(address)
        if ip.version == 4:
            _four(program, int(ip))
        else:
            _six(program, ip.packed)
    return program.compiled()


def _version(number: int) -> tuple[tuple[tuple[int, int], ...], int]:
    return ((_LOAD_BYTE, 0), (_AND, 0xF0)), number << 4


def _four(program: _Program, address: int) -> None:
    for offset in (12, 16):
        program.when(_version(4), (((_LOAD_WORD, offset),), address))
    quoted = ((_LOAD_HEADER_LENGTH, 0), (_LOAD_WORD_X, _QUOTED_TARGET_4))
    program.when(_version(4), (((_LOAD_BYTE, 9),), _ICMP), (quoted, address))


def _six(program: _Program, packed: bytes) -> None:
    words = [int.from_bytes(packed[at : at + 4], "big") for at in range(0, 16, 4)]

    def at(offset: int) -> list[tuple[tuple[tuple[int, int], ...], int]]:
        return [(((_LOAD_WORD, offset + 4 * n),), word) for n, word in enumerate(words)]

    program.when(_version(6), *at(8))
    program.when(_version(6), *at(24))
    program.when(_version(6), (((_LOAD_BYTE, 6),), _ICMP6), *at(40 + 8 + 24))
