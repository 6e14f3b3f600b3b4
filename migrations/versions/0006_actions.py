"""What the board needs to know about what agents do besides deposits.

Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

import json
import re

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the changes, part by part."""
    _reinforcements()
    _conflicts()
    _needs()
    _public_places()
    _lasting_crossings()
    _followed_watches()


def _reinforcements() -> None:
    """Add the author of the last event of a mark that shows the payload of another author.

    So far, that was a deposit which occurred earlier than what the mark shows, and no agent made one.
    """
    op.add_column("mark", sa.Column("last_author", sa.Text))
    op.execute(
        """
        UPDATE mark
        SET last_author = (
          SELECT event.author FROM event WHERE event.id = mark.event_id AND event.author <> mark.author
        )
        """
    )


def _conflicts() -> None:
    """Add the conflicts of an activation, and when its marks were last read."""
    op.add_column("activation", sa.Column("conflicts", sa.BigInteger, nullable=False, server_default=sa.text("0")))
    op.add_column("activation", sa.Column("reads_again", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.add_column("activation", sa.Column("read_at", sa.BigInteger))


def _needs() -> None:
    """Add when needs are due and who may and should answer, also to the schema that the board has of a need."""
    op.create_table(
        "open_need",
        sa.Column("mark_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("remind_at", sa.BigInteger),
        sa.Column("assignee", sa.Text, nullable=False),
        sa.Column("answerable_by", sa.Text),
        sa.Column("agents_behind", sa.Text),
    )
    op.create_index("ix_open_need_remind_at", "open_need", ["remind_at"])
    connection = op.get_bind()
    deployment = sa.table("deployment", sa.column("version"), sa.column("content"))
    newest = sa.select(deployment.c.version, deployment.c.content).order_by(deployment.c.version.desc()).limit(1)
    for version, text in connection.execute(newest).fetchall():
        content = json.loads(text)
        need = content["kinds"].get("need") or {}
        if not need.get("model", "").startswith("blackboard.") or not need.get("payload"):
            continue
        need["payload"]["properties"] |= {
            "due": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "title": "Due"},
            "assignee": {"default": "", "title": "Assignee", "type": "string"},
            "answerable_by": {"items": {"type": "string"}, "title": "Answerable By", "type": "array"},
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        connection.execute(deployment.update().where(deployment.c.version == version).values(content=text))


def _public_places() -> None:
    """Name the classes of the built-in kinds by their public names, whichever module they are in."""
    connection = op.get_bind()
    deployment = sa.table("deployment", sa.column("version"), sa.column("content"))
    newest = sa.select(deployment.c.version, deployment.c.content).order_by(deployment.c.version.desc()).limit(1)
    for version, text in connection.execute(newest).fetchall():
        content = json.loads(text)
        for kind in content["kinds"].values():
            if kind.get("model"):
                kind["model"] = re.sub(r"^blackboard\.[a-z_.]*:", "blackboard:", kind["model"])
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        connection.execute(deployment.update().where(deployment.c.version == version).values(content=text))


def _lasting_crossings() -> None:
    """Add since when the condition of a crossing had held, which so far only the state of its watch said."""
    op.add_column("crossing", sa.Column("held_since", sa.BigInteger))
    op.execute(
        """
        UPDATE crossing
        SET held_since = (
          SELECT watch_state.held_since FROM watch_state
          WHERE watch_state.watch_id = crossing.watch_id AND watch_state.subject = crossing.subject
            AND watch_state.mark_id = crossing.mark_id AND watch_state.held_since <= crossing.crossed_at
        )
        WHERE crossing.state = 'waiting' AND crossing.cause IS NOT NULL
        """
    )


def _followed_watches() -> None:
    """Add which watches over time have followed the change whose backfill is at work."""
    op.create_table(
        "followed_watch",
        sa.Column("watch_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("mark_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
