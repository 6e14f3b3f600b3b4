"""What programs, agents and people elsewhere need: events, remote agents, messages that are told outside.

Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each part has a function of its own."""
