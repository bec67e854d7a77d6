"""The tables. Integer keys and codes; every name once; nothing SQLite-only in a type.

Times are microseconds since 1970 (``_us``), so that they are exact, compact and mean the same
on every database. A measurement's row is narrow: its steps lie in ``evidence``, each content
once, and ``trace`` holds their ids with the times and counters of this one measurement (see
``probe.store.evidence``). Verdicts have a table of their own, which is all that a timeline
reads, and can be replaced without touching what was measured.
"""

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    UniqueConstraint,
    false,
    text,
)
from sqlmodel import Field, SQLModel

__all__ = [
    "METADATA",
    "TIMED",
    "StoredCertificate",
    "StoredControl",
    "StoredEarlier",
    "StoredEndpoint",
    "StoredEvidence",
    "StoredFact",
    "StoredForeignSample",
    "StoredForeignSeries",
    "StoredLink",
    "StoredLook",
    "StoredMeasurement",
    "StoredNetwork",
    "StoredNote",
    "StoredRecordControl",
    "StoredRevision",
    "StoredRound",
    "StoredRuling",
    "StoredService",
    "StoredSource",
    "StoredTraffic",
    "StoredVantage",
    "StoredVerdict",
]

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
TIMED = "variant >= 15 AND variant <= 20"
"""The variants of timed transfers, as their index and what is to use it must both say it."""

_COMPACT = {"sqlite_with_rowid": False}  # the key is the tree itself: no second index


class Stored(SQLModel):
    """Base of the tables; they do not validate, so they never leave this package."""

    metadata = METADATA


class StoredFact(Stored, table=True):
    """What the database says of itself: who made it and when it last forgot names."""

    __tablename__ = "fact"
    name: str = Field(primary_key=True)
    value: str


class StoredVantage(Stored, table=True):
    """Where rounds were taken; ``own`` is false for the vantages of imported rounds."""

    __tablename__ = "vantage"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    label: str
    country: str
    tz: str
    access: int = Field(sa_type=SmallInteger)
    own: bool


class StoredNetwork(Stored, table=True):
    """A network key; ``gateway`` is a keyed fingerprint, empty when not known."""

    __tablename__ = "network"
    __table_args__ = (UniqueConstraint("asn", "name", "access", "gateway"),)
    id: int | None = Field(default=None, primary_key=True)
    asn: int = Field(sa_type=BigInteger)
    name: str
    access: int = Field(sa_type=SmallInteger)
    gateway: str


class StoredService(Stored, table=True):
    """A service's name, once."""

    __tablename__ = "service"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)


class StoredEndpoint(Stored, table=True):
    """An endpoint as it was called; ``last_round`` is the own round that last judged it."""

    __tablename__ = "endpoint"
    __table_args__ = (UniqueConstraint("name", "service_id", "kind", "role"),)
    id: int | None = Field(default=None, primary_key=True)
    name: str
    service_id: int = Field(sa_column_args=[ForeignKey("service.id")])
    kind: int = Field(sa_type=SmallInteger)
    role: int = Field(sa_type=SmallInteger)
    last_round: int | None = None


class StoredRound(Stored, table=True):
    """One round; ``context`` is compressed JSON, and what a series reads of it stands beside.

    ``opening`` is the context as it was at the beginning, until the round is closed with its own.
    ``said`` holds the states of its verdicts, a bit each (``probe.store.said``).
    """

    __tablename__ = "round"
    __table_args__ = (
        Index("ix_round_started_us", "started_us"),
        Index("ix_round_imported_from", "imported_from"),
        {"sqlite_autoincrement": True},  # a number is never used again, the chain names it
    )
    id: int | None = Field(default=None, primary_key=True)
    vantage_id: int = Field(sa_column_args=[ForeignKey("vantage.id")])
    network_id: int = Field(sa_column_args=[ForeignKey("network.id")])
    plan: str
    catalog_digest: str
    started_us: int = Field(sa_type=BigInteger)
    ended_us: int | None = Field(default=None, sa_type=BigInteger)
    tz: str
    utc_offset_s: int
    control_bad: float | None = None
    gates: str = ""
    context: bytes | None = Field(default=None, sa_type=LargeBinary)
    imported_from: str | None = None
    opening: bytes | None = Field(default=None, sa_type=LargeBinary)
    said: int = Field(default=0, sa_type=SmallInteger, sa_column_kwargs={"server_default": "0"})


class StoredMeasurement(Stored, table=True):
    """One measurement: record ``no`` of the round, place ``seq`` in its bundle."""

    __tablename__ = "measurement"
    __table_args__ = (
        Index(
            "ix_measurement_timed",
            "round_id",
            "no",
            "variant",
            sqlite_where=text(TIMED),
            postgresql_where=text(TIMED),
        ),
        _COMPACT,
    )
    round_id: int = Field(primary_key=True, sa_column_args=[ForeignKey("round.id")])
    no: int = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=SmallInteger)
    endpoint_id: int = Field(sa_column_args=[ForeignKey("endpoint.id")])
    variant: int = Field(sa_type=SmallInteger)
    outcome: int = Field(sa_type=SmallInteger)
    offset_us: int = Field(sa_type=BigInteger)  # since the round's start
    trace: bytes = Field(sa_type=LargeBinary)


class StoredEvidence(Stored, table=True):
    """The content of a step, once; ``prefix`` is 63 bits of its SHA-256, to find it by."""

    __tablename__ = "evidence"
    id: int | None = Field(default=None, primary_key=True)
    prefix: int = Field(sa_type=BigInteger, index=True)
    body: bytes = Field(sa_type=LargeBinary)


class StoredCertificate(Stored, table=True):
    """A certificate (DER), once, by its SHA-256."""

    __tablename__ = "certificate"
    sha256: bytes = Field(primary_key=True, sa_type=LargeBinary)
    der: bytes = Field(sa_type=LargeBinary)


class StoredRuling(Stored, table=True):
    """What can be said about an endpoint, once: all of a verdict's fields."""

    __tablename__ = "ruling"
    id: int | None = Field(default=None, primary_key=True)
    prefix: int = Field(sa_type=BigInteger, index=True)
    state: int = Field(sa_type=SmallInteger)
    locus: int = Field(sa_type=SmallInteger)
    confidence: int = Field(sa_type=SmallInteger)
    reason: int | None = Field(default=None, sa_type=SmallInteger)
    mechanism: str
    rule_id: str
    rule_version: int = Field(sa_type=BigInteger)
    sentence: str
    evidence: str  # JSON array of pointers into the bundle


class StoredVerdict(Stored, table=True):
    """What was said of record ``no`` of a round: all that a timeline needs."""

    __tablename__ = "verdict"
    __table_args__ = _COMPACT
    round_id: int = Field(primary_key=True, sa_column_args=[ForeignKey("round.id")])
    endpoint_id: int = Field(primary_key=True, sa_column_args=[ForeignKey("endpoint.id")])
    no: int = Field(primary_key=True)
    ruling_id: int = Field(sa_column_args=[ForeignKey("ruling.id")])
    offset_us: int = Field(sa_type=BigInteger)  # the main measurement's start, since the round's


class StoredLook(Stored, table=True):
    """What a closed round said of a service, all its endpoints together; derived from verdicts.

    The key is in the order in which it is read: one service, a stretch of time. ``ruling_id``
    names a ruling without a sentence.
    """

    __tablename__ = "look"
    __table_args__ = _COMPACT
    service_id: int = Field(primary_key=True, sa_column_args=[ForeignKey("service.id")])
    time_us: int = Field(primary_key=True, sa_type=BigInteger)
    round_id: int = Field(primary_key=True, sa_column_args=[ForeignKey("round.id")])
    ruling_id: int = Field(sa_column_args=[ForeignKey("ruling.id")])
    endpoints: int = Field(sa_type=SmallInteger)  # that were looked at
    failed: int = Field(sa_type=SmallInteger)  # of these


class StoredControl(Stored, table=True):
    """What a control saw, once: an observation without its time, packed like evidence."""

    __tablename__ = "control"
    id: int | None = Field(default=None, primary_key=True)
    prefix: int = Field(sa_type=BigInteger, index=True)
    body: bytes = Field(sa_type=LargeBinary)


class StoredRecordControl(Stored, table=True):
    """A control that record ``no`` of a round was judged with, in place ``seq``."""

    __tablename__ = "record_control"
    __table_args__ = _COMPACT
    round_id: int = Field(primary_key=True, sa_column_args=[ForeignKey("round.id")])
    no: int = Field(primary_key=True)
    seq: int = Field(primary_key=True, sa_type=SmallInteger)
    control_id: int = Field(sa_column_args=[ForeignKey("control.id")])
    offset_us: int = Field(sa_type=BigInteger)  # when it was observed, since the round's start


class StoredRevision(Stored, table=True):
    """One time that stored records were judged again, and the new verdicts were kept."""

    __tablename__ = "revision"
    id: int | None = Field(default=None, primary_key=True)
    time_us: int = Field(sa_type=BigInteger)


class StoredEarlier(Stored, table=True):
    """What was said of a record before a revision; no ruling when nothing was."""

    __tablename__ = "earlier_verdict"
    __table_args__ = _COMPACT
    revision_id: int = Field(primary_key=True, sa_column_args=[ForeignKey("revision.id")])
    round_id: int = Field(primary_key=True, sa_column_args=[ForeignKey("round.id")])
    no: int = Field(primary_key=True)
    ruling_id: int | None = Field(default=None, sa_column_args=[ForeignKey("ruling.id")])


class StoredLink(Stored, table=True):
    """A link of the hash chain; it stays when its round is pruned, and names nothing."""

    __tablename__ = "link"
    seq: int | None = Field(default=None, primary_key=True)
    round_id: int = Field(unique=True)
    content: bytes = Field(sa_type=LargeBinary)
    digest: bytes = Field(sa_type=LargeBinary)
    pruned: bool


class StoredTraffic(Stored, table=True):
    """Bytes on the wire by the hour, so that a budget outlives the rounds that spent it."""

    __tablename__ = "traffic"
    hour: int = Field(  # hours since 1970
        primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    sent: int = Field(sa_type=BigInteger)
    received: int = Field(sa_type=BigInteger)


class StoredNote(Stored, table=True):
    """What a person saw."""

    __tablename__ = "note"
    id: int | None = Field(default=None, primary_key=True)
    time_us: int = Field(sa_type=BigInteger, index=True)
    kind: int = Field(sa_type=SmallInteger)
    service_id: int | None = Field(default=None, sa_column_args=[ForeignKey("service.id")])
    text: str


class StoredSource(Stored, table=True):
    """A file of series that was taken in: its name, what it was, its SHA-256."""

    __tablename__ = "source"
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True)
    name: str
    kind: str  # timeline, ooni_aggregation, overlay
    imported_us: int = Field(sa_type=BigInteger)


class StoredForeignSeries(Stored, table=True):
    """A series that was taken in; with a ``unit`` it is an overlay, and no evidence."""

    __tablename__ = "imported_series"
    __table_args__ = (
        UniqueConstraint(
            "vantage",
            "network",
            "subject",
            "signal",
            "locus",
            "unit",
            name="uq_imported_series_key",
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    source_id: int = Field(sa_column_args=[ForeignKey("source.id")])
    vantage: str
    network: str
    subject: str
    signal: str
    locus: str
    unit: str
    tz: str
    country: str


class StoredForeignSample(Stored, table=True):
    """One sample of a series that was taken in; ``value`` is an overlay's."""

    __tablename__ = "imported_sample"
    __table_args__ = _COMPACT
    series_id: int = Field(primary_key=True, sa_column_args=[ForeignKey("imported_series.id")])
    time_us: int = Field(primary_key=True, sa_type=BigInteger)
    bad: bool | None = None
    value: float | None = None
    weight: float
    absence: str | None = None
    control_bad: float | None = None
    mechanism: str | None = None
    retest: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
