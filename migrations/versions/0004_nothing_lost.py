"""What the board needs to lose nothing when classes, watches, versions, files and workers change.

Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Each part has a function of its own."""
    _remember_events_of_others()


def _remember_events_of_others() -> None:
    """Add the last event of a mark whose author is not the mark's, from the history."""
    op.add_column("mark", sa.Column("other_event_id", Id))
    op.execute(
        """
        UPDATE mark SET other_event_id = (
          SELECT max(event.id)
          FROM event
          WHERE event.subject = mark.subject AND event.mark_id = mark.id
            AND event.event IN ('deposited', 'reinforced') AND event.author <> mark.author
        )
        WHERE mark.reinforcements > 0
        """
    )
