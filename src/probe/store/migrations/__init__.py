"""Alembic's environment and revisions; run by ``probe.store.schema``, never by hand."""
