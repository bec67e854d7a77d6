"""Which verdicts say that nobody looked."""

__all__ = ["NOT_MEASURED"]

NOT_MEASURED = frozenset({"not_run", "not_measured", "interrupted"})
"""Mechanisms of endpoints that nobody looked at; they count as not measured, not as unknown."""
