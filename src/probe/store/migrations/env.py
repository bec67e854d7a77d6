"""What Alembic runs: the migrations, on the connection that ``probe.store.schema`` hands over."""

from alembic import context

from probe.store.rows import METADATA
from probe.store.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
