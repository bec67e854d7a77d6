"""Controls are stored with the records they judged; judging again, also of a cut-off round."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CONTROLS_FROM = "controls_from"
"""The fact that names the first round whose controls are stored."""


def upgrade() -> None:
    """Make room for controls, revisions and openings; remember which rounds are older."""
    _create_controls()
    _create_revisions()
    op.add_column("round", sa.Column("opening", sa.LargeBinary(), nullable=True))
    first = op.get_bind().execute(sa.text('SELECT max(id) FROM "round"')).scalar()
    fact = sa.table("fact", sa.column("name", sa.String()), sa.column("value", sa.String()))
    if first is not None:
        op.execute(sa.insert(fact).values(name=CONTROLS_FROM, value=str(first + 1)))


def _create_controls() -> None:
    op.create_table(
        "control",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("prefix", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_control")),
    )
    op.create_index(op.f("ix_control_prefix"), "control", ["prefix"], unique=False)
    op.create_table(
        "record_control",
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("seq", sa.SmallInteger(), nullable=False),
        sa.Column("control_id", sa.Integer(), nullable=False),
        sa.Column("offset_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["control_id"], ["control.id"], name=op.f("fk_record_control_control_id_control")
        ),
        sa.ForeignKeyConstraint(
            ["round_id"], ["round.id"], name=op.f("fk_record_control_round_id_round")
        ),
        sa.PrimaryKeyConstraint("round_id", "no", "seq", name=op.f("pk_record_control")),
        sqlite_with_rowid=False,
    )


def _create_revisions() -> None:
    op.create_table(
        "revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revision")),
    )
    op.create_table(
        "earlier_verdict",
        sa.Column("revision_id", sa.Integer(), nullable=False),
        sa.Column("round_id", sa.Integer(), nullable=False),
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("ruling_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["revision_id"],
            ["revision.id"],
            name=op.f("fk_earlier_verdict_revision_id_revision"),
        ),
        sa.ForeignKeyConstraint(
            ["round_id"], ["round.id"], name=op.f("fk_earlier_verdict_round_id_round")
        ),
        sa.ForeignKeyConstraint(
            ["ruling_id"], ["ruling.id"], name=op.f("fk_earlier_verdict_ruling_id_ruling")
        ),
        sa.PrimaryKeyConstraint("revision_id", "round_id", "no", name=op.f("pk_earlier_verdict")),
        sqlite_with_rowid=False,
    )
