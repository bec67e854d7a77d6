"""Results written for others."""
