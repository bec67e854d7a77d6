"""Probes drive ``net`` and return measurements; they judge nothing and save nothing."""
