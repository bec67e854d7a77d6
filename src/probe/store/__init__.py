"""The database: rounds, measurements, evidence and verdicts; rows never leave this package."""
