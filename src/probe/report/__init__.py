"""Charts and a self-contained report; showing results sends no packet."""
