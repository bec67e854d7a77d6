"""What a run is told: flags > PROBE_* environment > TOML file > defaults."""

from pathlib import Path

import msgspec

from probe.model.target import Category
from probe.model.vantage import Access

__all__ = ["Settings"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings; budgets are bytes on the wire, times are seconds."""

    store: Path
    catalog: Path | None = None  # None: the packaged catalog (or a checkout's own)
    country: str = "ZZ"
    tz: str = "UTC"
    label: str = ""
    access: Access = Access.UNKNOWN
    include: tuple[Category, ...] = ()  # opt-ins beyond the default profile
    high_risk: bool = False
    retention_days: int | None = 30
    day_bytes: int = 20_000_000
    month_bytes: int = 300_000_000
    run_bytes: int = 20_000_000
    run_seconds: float = 1_800.0
    concurrency: int = 150
    per_address_per_second: float = 1.0
    per_resolver_per_second: float = 10.0
    global_per_second: float = 50.0
    asn_database: Path | None = None
    country_database: Path | None = None
    controls: tuple[str, ...] = ()  # files of control snapshots
    sni_host: str | None = None  # address:port of a consenting host for the SNI comparison
    origins: dict[str, str] = {}  # field -> flag, environment, file:line, default
