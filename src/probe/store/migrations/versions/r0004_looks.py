"""A roll-up of what a round said of each service, so that years can be shown without reading all.

Filled here from the verdicts that are stored; about a minute for ten million of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and fill it from the verdicts of every closed round."""
    op.create_table(
        "look",
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("ruling_id", sa.Integer(), nullable=False),
        sa.Column("endpoints", sa.SmallInteger(), nullable=False),
        sa.Column("failed", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name="fk_look_service_id_service"),
        sa.ForeignKeyConstraint(["round_id"], ["round.id"], name="fk_look_round_id_round"),
        sa.ForeignKeyConstraint(["ruling_id"], ["ruling.id"], name="fk_look_ruling_id_ruling"),
        sa.PrimaryKeyConstraint("service_id", "time_us", "round_id", name="pk_look"),
        sqlite_with_rowid=False,
    )
    from probe.store.looks import fill

    fill(op.get_bind())
