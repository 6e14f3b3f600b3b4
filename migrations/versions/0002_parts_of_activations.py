"""Activations that were split off another one know it, and what had been asked before."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite gives a row id only to a column declared exactly INTEGER; PostgreSQL wants 64 bits.
Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.add_column("activation", sa.Column("split_from", Id))
    op.add_column("activation", sa.Column("split_call", Id))
    op.create_index(
        "ix_activation_split_from",
        "activation",
        ["split_from"],
        sqlite_where=sa.text("split_from IS NOT NULL"),
        postgresql_where=sa.text("split_from IS NOT NULL"),
    )
