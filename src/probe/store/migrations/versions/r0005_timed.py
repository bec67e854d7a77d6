"""An index of the few measurements that are timed transfers: they are found without the others."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index; it holds nothing where no transfer was timed."""
    timed = sa.text("variant >= 15 AND variant <= 20")
    op.create_index(
        "ix_measurement_timed",
        "measurement",
        ["round_id", "no", "variant"],
        sqlite_where=timed,
        postgresql_where=timed,
        if_not_exists=True,
    )
