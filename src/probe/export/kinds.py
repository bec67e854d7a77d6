"""The tables that can be exported, and the forms that they can have."""

from enum import StrEnum

__all__ = ["Form", "What"]


class What(StrEnum):
    """The tables that can be exported."""

    MEASUREMENTS = "measurements"
    VERDICTS = "verdicts"
    INTERVALS = "intervals"
    GRID = "grid"
    SAMPLES = "samples"
    EVENTS = "events"


class Form(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"
    OONI = "ooni"
