"""What the board needs to lose nothing when classes, watches, versions, files and workers change.

Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each part has a function of its own."""
