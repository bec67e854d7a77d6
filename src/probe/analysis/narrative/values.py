"""What a narrative is made of: steps that say what was done and what it means, and an end."""

from enum import StrEnum
from typing import NamedTuple

import msgspec

from probe.model.verdict import Verdict

__all__ = ["Chapter", "Conclusion", "Explained", "Finding", "Meaning", "Narrative"]


class Chapter(StrEnum):
    """What a step is about, in the order in which it is told."""

    LINE = "line"
    TARGET = "target"  # that it was not looked at, and why
    NAME = "name"
    CONNECTION = "connection"
    ENCRYPTION = "encryption"
    REQUEST = "request"
    LISTING = "listing"  # whether a store offers the app
    REPLY = "reply"  # over UDP, or in a protocol of its own
    OTHER_FORM = "other_form"
    DATAGRAMS = "datagrams"  # other packets, another name, another way: what they met
    NEUTRAL_NAME = "neutral_name"
    OTHER_ADDRESSES = "other_addresses"
    AGAIN = "again"
    BESIDE = "beside"  # neutral hosts and neighbours, asked right then
    ELSEWHERE = "elsewhere"


class Finding(StrEnum):
    """How a step ended: not a judgement, which only the verdict is."""

    FINE = "fine"
    FAILED = "failed"
    ODD = "odd"  # something came, and not what was to be expected
    OPEN = "open"  # nothing can be said


class Meaning(NamedTuple):
    """What one step means by itself, what it rules out, and what it leaves open."""

    means: str
    rules_out: str | None = None
    remains: str | None = None


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """One step in plain words; ``details`` are for engineers and shown only when asked for.

    ``rules_out`` and ``remains`` are ``None`` where the step rules nothing out or leaves
    nothing open.
    """

    chapter: Chapter
    finding: Finding
    title: str
    did: str
    came: str
    means: str
    rules_out: str | None = None
    remains: str | None = None
    details: tuple[str, ...] = ()


class Conclusion(msgspec.Struct, frozen=True, kw_only=True):
    """The end: what is said, how sure it is and why not surer, and what can be done next."""

    headline: str
    sentence: str  # the verdict's own
    sure: str
    why_not_surer: tuple[str, ...] = ()
    fooled_by: str | None = None
    next_steps: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


class Narrative(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint, told."""

    endpoint: str
    service: str
    name: str  # the service's, for people
    host: str
    verdict: Verdict
    steps: tuple[Explained, ...]
    conclusion: Conclusion

    def step(self, chapter: Chapter) -> Explained | None:
        """Return the step about ``chapter``, if it is told."""
        return next((s for s in self.steps if s.chapter is chapter), None)
