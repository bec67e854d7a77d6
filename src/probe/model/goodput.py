"""How fast something came: one transfer beside its controls, of one round.

Goodput is bytes by time, over all that came after the first byte or over its second half,
whichever is slower: name lookup, handshakes and the server's thinking are not in it, and neither
is the burst that a token bucket lets through first. A transfer that was cut off by its deadline
or by silence is *censored*: it was at most that fast.
"""

from datetime import UTC, datetime
from enum import StrEnum

import msgspec

__all__ = ["Direction", "Pair", "PairKey", "Pairing", "Speed", "Transport"]


class Direction(StrEnum):
    """Which way the bytes went, as seen from the vantage."""

    DOWNLOAD = "download"
    UPLOAD = "upload"


class Transport(StrEnum):
    """What carried the bytes."""

    TCP = "tcp"
    QUIC = "quic"
    UDP = "udp"  # datagrams at a fixed rate, as a call sends them


class Pairing(StrEnum):
    """What a transfer is compared with, the fairest first."""

    SAME_SERVER = "same_server"  # the same address, with a neutral SNI
    NEUTRAL = "neutral"  # objects of neutral hosts
    BORDER = "border"  # an object abroad beside objects in the country


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """What one transfer came to; ``rate`` is in bytes per second, ``None`` if nothing came.

    ``stalled_at`` is the count of bytes after which nothing came for five seconds or more.
    ``marks`` are (bytes so far, seconds since any one instant), rising in both, best 4 KiB apart:
    a bucket that is first full lets a part through at full speed, and a transfer that loses what
    exceeds its rate comes in jerks. Neither is seen in the mean. Marks 16 KiB apart show the
    first, and the second only above some 40 kB/s.
    """

    rate: float | None
    censored: bool = False  # it did not end by itself: at most this fast
    received: int = 0
    rtt_s: float | None = None  # of the TCP (or QUIC) handshake
    stalled_at: int | None = None
    lost_share: float | None = None  # of datagrams, by transport udp
    marks: tuple[tuple[int, float], ...] = ()


class PairKey(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """What is compared in time: one vantage on one network, one subject, one way to compare."""

    vantage: str
    network: str
    subject: str  # a service; "" for the line itself (border)
    pairing: Pairing
    direction: Direction = Direction.DOWNLOAD
    transport: Transport = Transport.TCP
    family: int = 4
    own_server: bool = False  # at a server of one's own, under the subject's name


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A target and its controls within one minute."""

    time: datetime
    tz: str
    target: Speed
    controls: tuple[Speed, ...]

    def __post_init__(self) -> None:
        """Keep instants aware, in UTC."""
        if self.time.tzinfo is None or self.time.utcoffset() != UTC.utcoffset(None):
            raise ValueError("time must be an aware UTC datetime")
