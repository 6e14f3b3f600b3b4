"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite gives a row id only to a column declared exactly INTEGER; PostgreSQL wants 64 bits.
Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "absorbed",
        sa.Column("watch_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("mark_id", Id, primary_key=True, autoincrement=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("activation_id", Id, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_absorbed_mark_id", "absorbed", ["mark_id"])
    op.create_table(
        "activation",
        sa.Column("id", Id, primary_key=True),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("watch_id", sa.Integer, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("crossed_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("retry_at", sa.BigInteger),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("interruptions", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("worker", sa.Text),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("depth", sa.Integer, nullable=False),
        sa.Column("marks_absorbed", sa.Integer, nullable=False),
        sa.Column("marks_left", sa.Integer, nullable=False),
    )
    op.create_index("ix_activation_agent_created_at", "activation", ["agent", "created_at"])
    op.create_index("ix_activation_finished_at", "activation", ["finished_at"])
    op.create_index(
        "ix_activation_open",
        "activation",
        ["state", "agent", "retry_at"],
        sqlite_where=sa.text("state IN ('ready', 'running', 'held', 'dead', 'aside')"),
        postgresql_where=sa.text("state IN ('ready', 'running', 'held', 'dead', 'aside')"),
    )
    op.create_table(
        "activation_mark",
        sa.Column("activation_id", Id, primary_key=True, autoincrement=False),
        sa.Column("mark_id", Id, primary_key=True, autoincrement=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("strength", sa.Float, nullable=False),
        sa.Column("previous_event_id", Id),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_activation_mark_mark_id", "activation_mark", ["mark_id"])
    op.create_table(
        "agent_state",
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("paused", sa.Integer, nullable=False),
        sa.Column("paused_because", sa.Text),
        sa.Column("rest_until", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False),
    )
    op.create_table(
        "board",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("uid", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("paused", sa.Integer, nullable=False),
        sa.Column("paused_because", sa.Text),
    )
    op.create_table(
        "board_total",
        sa.Column("watch_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("law", sa.Text, primary_key=True),
        sa.Column("marks", sa.Integer, nullable=False),
        sa.Column("sum0", sa.Float, nullable=False),
        sa.Column("sum1", sa.Float, nullable=False),
        sa.Column("anchor", sa.BigInteger, nullable=False),
        sa.Column("settled", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "crossing",
        sa.Column("id", Id, primary_key=True),
        sa.Column("watch_id", sa.Integer, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("mark_id", Id, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("crossed_at", sa.BigInteger, nullable=False),
        sa.Column("noticed_at", sa.BigInteger, nullable=False),
        sa.Column("value", sa.Float, nullable=False),
        sa.Column("threshold", sa.Float, nullable=False),
        sa.Column("marks", sa.Integer, nullable=False),
        sa.Column("urgent", sa.Integer, nullable=False),
        sa.Column("ready_at", sa.BigInteger),
        sa.Column("held", sa.Text),
        sa.Column("law", sa.Text, nullable=False),
        sa.Column("order_key", sa.Float),
        sa.Column("event_id", Id),
        sa.Column("activation_id", Id),
        sa.Column("closed_at", sa.BigInteger),
    )
    op.create_index("ix_crossing_activation", "crossing", ["activation_id"])
    op.create_index(
        "ix_crossing_order",
        "crossing",
        ["watch_id", "law", "order_key"],
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_crossing_ready",
        "crossing",
        ["watch_id", "ready_at"],
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index("ix_crossing_subject", "crossing", ["subject"])
    op.create_index(
        "uq_crossing_waiting",
        "crossing",
        ["watch_id", "subject", "mark_id"],
        unique=True,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "deployment",
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_table(
        "deposit_key",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("mark_id", Id, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event",
        sa.Column("id", Id, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("mark_id", Id, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("intensity", sa.Float, nullable=False),
        sa.Column("law", sa.Text, nullable=False),
        sa.Column("evaporates_at", sa.BigInteger),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("activation_id", Id),
        sa.Column("payload", sa.Text),
    )
    op.create_index(
        "ix_event_activation_id",
        "event",
        ["activation_id"],
        sqlite_where=sa.text("activation_id IS NOT NULL"),
        postgresql_where=sa.text("activation_id IS NOT NULL"),
    )
    op.create_index("ix_event_subject_mark_id_id", "event", ["subject", "mark_id", "id"])
    op.create_table(
        "fall",
        sa.Column("watch_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("mark_id", Id, primary_key=True, autoincrement=False),
        sa.Column("due_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_fall_due_at", "fall", ["due_at"])
    op.create_index("ix_fall_mark_id", "fall", ["mark_id"])
    op.create_table(
        "follow_up",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sort", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("upto", Id, nullable=False),
        sa.Column("position", Id, nullable=False),
    )
    op.create_table(
        "law",
        sa.Column("law", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("a", sa.Float, nullable=False),
        sa.Column("b", sa.Float, nullable=False),
        sa.Column("spec", sa.Text, nullable=False),
    )
    op.create_table(
        "model_call",
        sa.Column("id", Id, primary_key=True),
        sa.Column("activation_id", Id, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("marks", sa.Integer, nullable=False),
        sa.Column("planned_at", sa.BigInteger, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("answered_at", sa.BigInteger),
        sa.Column("applied_at", sa.BigInteger),
        sa.Column("reserved", sa.BigInteger, nullable=False),
        sa.Column("reply", sa.Text),
        sa.Column("request_id", sa.Text),
        sa.Column("custom_id", sa.Text),
        sa.Column("submission", Id),
        sa.Column("batch_id", sa.Text),
        sa.Column("input_tokens", sa.Integer),
        sa.Column("cache_read_tokens", sa.Integer),
        sa.Column("cache_write_tokens", sa.Integer),
        sa.Column("output_tokens", sa.Integer),
        sa.Column("cost", sa.BigInteger),
        sa.Column("direct_cost", sa.BigInteger),
        sa.Column("error", sa.Text),
        sa.Column("would_hold", sa.Text),
    )
    op.create_index("ix_model_call_activation_id", "model_call", ["activation_id"])
    op.create_index("ix_model_call_spent", "model_call", ["sent_at", "state", "cost", "reserved"])
    op.create_index("ix_model_call_agent_spent", "model_call", ["agent", "sent_at", "state", "cost", "reserved"])
    op.create_index(
        "ix_model_call_open",
        "model_call",
        ["state", "lane"],
        sqlite_where=sa.text("state IN ('planned', 'sent', 'answered', 'unknown')"),
        postgresql_where=sa.text("state IN ('planned', 'sent', 'answered', 'unknown')"),
    )
    op.create_table(
        "rest",
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "unique_value",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("mark_id", Id, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_unique_value_mark_id", "unique_value", ["mark_id"])
    op.create_table(
        "watch",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("condition", sa.Text, nullable=False),
        sa.Column("active", sa.Integer, nullable=False),
        sa.Column("watermark", Id, nullable=False),
    )
    op.create_index("uq_watch_agent_name", "watch", ["agent", "name"], unique=True)
    op.create_table(
        "worker",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "kind",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("weight", sa.Float, nullable=False),
        sa.Column("floor", sa.Float, nullable=False),
        sa.Column("law", sa.Text, sa.ForeignKey("law.law"), nullable=False),
    )
    op.create_table(
        "law_segment",
        sa.Column("law", sa.Text, sa.ForeignKey("law.law"), primary_key=True),
        sa.Column("age", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("share", sa.Float, nullable=False),
        sa.Column("slope", sa.Float, nullable=False),
    )
    op.create_table(
        "mark",
        sa.Column("id", Id, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, sa.ForeignKey("kind.name"), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("intensity", sa.Float, nullable=False),
        sa.Column("law", sa.Text, nullable=False),
        sa.Column("anchored_at", sa.BigInteger, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("deposited_at", sa.BigInteger, nullable=False),
        sa.Column("reinforced_at", sa.BigInteger, nullable=False),
        sa.Column("reinforcements", sa.Integer, nullable=False),
        sa.Column("evaporates_at", sa.BigInteger),
        sa.Column("order_key", sa.Float),
    )
    op.create_index("ix_mark_evaporates_at", "mark", ["evaporates_at"])
    op.create_index("ix_mark_kind_event_id", "mark", ["kind", "event_id"])
    op.create_index("ix_mark_kind_law_order_key", "mark", ["kind", "law", "order_key"])
    op.create_index("ix_mark_kind_subject", "mark", ["kind", "subject"])
    op.create_table(
        "succession",
        sa.Column("kind", sa.Text, sa.ForeignKey("kind.name"), primary_key=True),
        sa.Column("law", sa.Text, sa.ForeignKey("law.law"), primary_key=True),
        sa.Column("successor", sa.Text, sa.ForeignKey("law.law"), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
