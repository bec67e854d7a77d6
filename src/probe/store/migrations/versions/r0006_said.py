"""Which states were said in a round, as bits: a search for a rare one reads few rounds.

Filled here from the verdicts that are stored; some seconds for ten million of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and fill it from the verdicts of every round."""
    bind = op.get_bind()
    if "said" not in {column["name"] for column in sa.inspect(bind).get_columns("round")}:
        op.add_column(
            "round", sa.Column("said", sa.SmallInteger(), nullable=False, server_default="0")
        )
    from probe.store.said import fill

    fill(bind)
