"""Series that were taken in from files: timelines of others, and overlays."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for sources, their series and samples."""
    op.create_table(
        "source",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("imported_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
        sa.UniqueConstraint("digest", name=op.f("uq_source_digest")),
    )
    _create_series()
    _create_samples()


def _create_series() -> None:
    words = ("vantage", "network", "subject", "signal", "locus", "unit", "tz", "country")
    op.create_table(
        "imported_series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        *(sa.Column(word, sa.String(), nullable=False) for word in words),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_imported_series_source_id_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imported_series")),
        sa.UniqueConstraint(*words[:6], name=op.f("uq_imported_series_key")),
    )


def _create_samples() -> None:
    op.create_table(
        "imported_sample",
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("time_us", sa.BigInteger(), nullable=False),
        sa.Column("bad", sa.Boolean(), nullable=True),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("absence", sa.String(), nullable=True),
        sa.Column("control_bad", sa.Float(), nullable=True),
        sa.Column("mechanism", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["series_id"],
            ["imported_series.id"],
            name=op.f("fk_imported_sample_series_id_imported_series"),
        ),
        sa.PrimaryKeyConstraint("series_id", "time_us", name=op.f("pk_imported_sample")),
        sqlite_with_rowid=False,
    )
