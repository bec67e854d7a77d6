"""Looks again at what had just changed are known as such in series that were taken in, too."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of what was taken in before, nothing is known to be a look again."""
    columns = sa.inspect(op.get_bind()).get_columns("imported_sample")
    if "retest" not in {column["name"] for column in columns}:
        op.add_column(
            "imported_sample",
            sa.Column("retest", sa.Boolean(), nullable=False, server_default=sa.false()),
        )
