"""What programs on other machines need: tokens that say who they are and what they may do.

Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the changes, part by part."""
    _access_tokens()


def _access_tokens() -> None:
    """Add the tokens, and the key of the names that stand for subjects where they are withheld."""
    instant = sa.BigInteger()
    op.create_table(
        "access_token",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("expires_at", instant),
        sa.Column("revoked_at", instant),
    )
    op.create_index(
        "uq_access_token_valid",
        "access_token",
        ["name"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table("secret", sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text, nullable=False))
