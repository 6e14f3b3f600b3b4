"""What programs, agents and people elsewhere need: events, remote agents, messages that are told outside.

Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the changes, part by part."""
    _names_in_deployments()
    _beginning_of_episodes()
    _unfinished_purge()
    _relevance_of_reads()
    _remote_agents()
    _activity()
    _outbox()
    _trace_contexts()


def _names_in_deployments() -> None:
    """Give the fields of stored deployments their new names, and the mode of a budget that only warns."""
    connection = op.get_bind()
    deployment = sa.table("deployment", sa.column("version"), sa.column("content"))
    for version, content in connection.execute(sa.select(deployment.c.version, deployment.c.content)).fetchall():
        text = json.dumps(_renamed(json.loads(content)), sort_keys=True, ensure_ascii=False)
        connection.execute(deployment.update().where(deployment.c.version == version).values(content=text))


def _renamed(content: dict[str, Any]) -> dict[str, Any]:
    for kind in content.get("kinds", {}).values():
        for old, new in (("model", "class_path"), ("payload", "payload_schema")):
            if old in kind:
                kind[new] = kind.pop(old)
    agents = content.get("agents", {}).values()
    for budget in (content.get("budget"), *(agent.get("settings", {}).get("budget") for agent in agents)):
        if budget and budget.get("mode") == "watch":
            budget["mode"] = "warn"
    return content


def _beginning_of_episodes() -> None:
    """Name the instant at which the condition of a watch over time began to hold; `held` is said of waiting work."""
    for table in ("watch_state", "crossing"):
        op.execute(f"ALTER TABLE {table} RENAME COLUMN held_since TO began_at")


def _unfinished_purge() -> None:
    """Keep since when a purge that began was owed. So far, the number 0 stood for it."""
    op.add_column("board", sa.Column("unfinished_purge_owed_at", sa.BigInteger))
    op.execute("UPDATE board SET unfinished_purge_owed_at = last_recorded_at WHERE purge_owed_at = 0")
    op.execute("UPDATE board SET purge_owed_at = NULL WHERE purge_owed_at = 0")


def _relevance_of_reads() -> None:
    """Add how well a mark matches what an agent searched for. Before, this order was not kept."""
    op.add_column("activation_input", sa.Column("relevance", sa.Float))


def _remote_agents() -> None:
    """Add the digest of the result with which a remote worker finished an activation."""
    op.add_column("activation", sa.Column("result_digest", sa.Text))


def _activity() -> None:
    """Add what agents, people and programs did."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "activity_event",
        sa.Column("id", number, primary_key=True, autoincrement=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("agent", sa.Text),
        sa.Column("watch_id", sa.Integer),
        sa.Column("subject", sa.Text),
        sa.Column("activation_id", number),
        sa.Column("crossing_id", number),
        sa.Column("mark_id", number),
        sa.Column("old_state", sa.Text),
        sa.Column("state", sa.Text),
        sa.Column("author", sa.Text),
        sa.Column("token", sa.Text),
        sa.Column("version", sa.Integer),
    )


def _outbox() -> None:
    """Add the messages that people outside are told."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    instant = sa.BigInteger()
    op.create_table(
        "message",
        sa.Column("id", number, primary_key=True),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("sink", sa.Text, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("occurrence", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("agent", sa.Text),
        sa.Column("mark_id", number),
        sa.Column("activation_id", number),
        sa.Column("crossing_id", number),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("due_at", instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("finished_at", instant),
        sa.Column("error", sa.Text),
    )
    op.create_index("uq_message_occurrence", "message", ["sink", "occurrence"], unique=True)
    _partial_index("ix_message_due", ["sink", "due_at"], "state = 'waiting'")
    _partial_index("ix_message_unfinished", ["sink"], "state IN ('waiting', 'failed', 'gone')")
    op.create_index("ix_message_created_at", "message", ["created_at"])
    op.create_index("ix_message_subject", "message", ["subject"])


def _partial_index(name: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "message", columns, sqlite_where=condition, postgresql_where=condition)


def _trace_contexts() -> None:
    """Add the trace contexts of deposits, and those that remote workers were given."""
    op.add_column("event", sa.Column("traceparent", sa.Text))
    op.add_column("activation", sa.Column("traceparent", sa.Text))
