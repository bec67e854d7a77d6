"""The catalog: load, validate, select."""
