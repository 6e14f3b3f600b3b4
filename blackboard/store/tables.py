"""The tables. Instants are microseconds since the epoch, amounts of money whole micro-dollars.

Names of tables are singular, those of the views in `sql/views.sql` plural.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, MetaData, Table, Text, text

from blackboard.states import OPEN_CALLS, UNFINISHED, CrossingState, is_one_of

__all__ = ["metadata"]

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

# On SQLite only a column declared as INTEGER is the row id; on PostgreSQL 64 bits need BIGINT.
Id = BigInteger().with_variant(Integer, "sqlite")
Time = BigInteger


def required(name: str, type_: object, *args: object, **options: object) -> Column:  # type: ignore[type-arg]
    """Return a column that is never NULL."""
    return Column(name, type_, *args, nullable=False, **options)  # type: ignore[arg-type]


board = Table(
    "board",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    required("uid", Text),
    required("created_at", Time),
    # The latest instant that no event of a mark carries.
    required("last_recorded_at", Time),
    required("version", Integer),
    required("paused", Integer),
    Column("paused_because", Text),
    # The hash of the views' texts.
    Column("views_hash", Text),
)

deployment = Table(
    "deployment",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    required("deployed_at", Time),
    required("content", Text),
)

law = Table(
    "law",
    metadata,
    Column("law", Text, primary_key=True),
    required("name", Text),
    required("a", Float),
    required("b", Float),
    required("spec", Text),
)

law_segment = Table(
    "law_segment",
    metadata,
    Column("law", Text, ForeignKey("law.law"), primary_key=True),
    Column("age", Time, primary_key=True, autoincrement=False),
    required("share", Float),
    required("slope", Float),
)

kind = Table(
    "kind",
    metadata,
    Column("name", Text, primary_key=True),
    required("weight", Float),
    required("floor", Float),
    required("law", Text, ForeignKey("law.law")),
)

# A change of a kind's law or floor that the backfill has not yet carried to all marks.
law_change = Table(
    "law_change",
    metadata,
    Column("kind", Text, ForeignKey("kind.name"), primary_key=True),
    Column("law", Text, ForeignKey("law.law"), primary_key=True),
    required("new_law", Text, ForeignKey("law.law")),
    required("changed_at", Time),
)

# A mark's id is the id of its first event, so it is never used again.
mark = Table(
    "mark",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    required("kind", Text, ForeignKey("kind.name")),
    required("subject", Text),
    required("payload", Text),
    required("author", Text),
    required("intensity", Float),
    required("law", Text),
    required("anchored_at", Time),
    required("event_id", Id),
    required("deposited_at", Time),
    required("reinforced_at", Time),
    required("reinforcements", Integer),
    Column("evaporates_at", Time),
    Column("order_key", Float),
    Index(None, "kind", "subject"),
    Index(None, "kind", "law", "order_key"),
    Index(None, "kind", "event_id"),
    Index(None, "evaporates_at"),
)

event = Table(
    "event",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    required("recorded_at", Time),
    required("mark_id", Id),
    required("kind", Text),
    required("subject", Text),
    required("event", Text),
    required("intensity", Float),
    required("law", Text),
    Column("evaporates_at", Time),
    required("author", Text),
    Column("activation_id", Id),
    Column("payload", Text),
    Index(None, "subject", "mark_id", "id"),
    Index(
        "ix_event_activation_id",
        "activation_id",
        sqlite_where=text("activation_id IS NOT NULL"),
        postgresql_where=text("activation_id IS NOT NULL"),
    ),
)

deposit_key = Table(
    "deposit_key",
    metadata,
    Column("key", Text, primary_key=True),
    required("mark_id", Id),
    required("event_id", Id),
    required("at", Time),
    sqlite_with_rowid=False,
)

unique_value = Table(
    "unique_value",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    required("mark_id", Id),
    Index(None, "mark_id"),
    sqlite_with_rowid=False,
)

watch = Table(
    "watch",
    metadata,
    Column("id", Integer, primary_key=True),
    required("agent", Text),
    required("name", Text),
    required("condition", Text),
    required("active", Integer),
    # For a watch over the board: every event up to this id is absorbed.
    required("watermark", Id),
    Index("uq_watch_agent_name", "agent", "name", unique=True),
)

absorbed = Table(
    "absorbed",
    metadata,
    Column("watch_id", Integer, primary_key=True, autoincrement=False),
    Column("mark_id", Id, primary_key=True, autoincrement=False),
    required("event_id", Id),
    required("activation_id", Id),
    Index(None, "mark_id"),
    sqlite_with_rowid=False,
)

# Sums that give the total and count of a watch over the board without a scan.
board_total = Table(
    "board_total",
    metadata,
    Column("watch_id", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    Column("law", Text, primary_key=True),
    required("marks", Integer),
    required("sum0", Float),
    required("sum1", Float),
    required("anchor", Time),
    # The sums exclude marks that evaporated up to this instant.
    required("evaporated_through", Time),
    sqlite_with_rowid=False,
)

# The instants at which falling watches will cross unless a mark changes.
predicted_crossing = Table(
    "predicted_crossing",
    metadata,
    Column("watch_id", Integer, primary_key=True, autoincrement=False),
    Column("subject", Text, primary_key=True),
    Column("mark_id", Id, primary_key=True, autoincrement=False),
    Column("due_at", Time),
    Index(None, "due_at"),
    Index(None, "mark_id"),
    sqlite_with_rowid=False,
)

crossing = Table(
    "crossing",
    metadata,
    Column("id", Id, primary_key=True),
    required("watch_id", Integer),
    required("subject", Text),
    required("mark_id", Id),
    required("state", Text),
    required("crossed_at", Time),
    required("noticed_at", Time),
    required("value", Float),
    required("threshold", Float),
    # How many marks stood behind it when it was last tested.
    required("marks", Integer),
    required("urgent", Integer),
    # The crossing may be claimed from this instant; NULL if only a new mark can change that.
    Column("ready_at", Time),
    Column("held_by", Text),
    required("law", Text),
    Column("order_key", Float),
    Column("event_id", Id),
    Column("activation_id", Id),
    Column("closed_at", Time),
    Index(
        "uq_crossing_waiting",
        "watch_id",
        "subject",
        "mark_id",
        unique=True,
        sqlite_where=text(f"state = '{CrossingState.WAITING}'"),
        postgresql_where=text(f"state = '{CrossingState.WAITING}'"),
    ),
    Index(
        "ix_crossing_ready",
        "watch_id",
        "ready_at",
        sqlite_where=text(f"state = '{CrossingState.WAITING}'"),
        postgresql_where=text(f"state = '{CrossingState.WAITING}'"),
    ),
    Index(
        "ix_crossing_order",
        "watch_id",
        "law",
        "order_key",
        sqlite_where=text(f"state = '{CrossingState.WAITING}'"),
        postgresql_where=text(f"state = '{CrossingState.WAITING}'"),
    ),
    Index("ix_crossing_activation", "activation_id"),
    Index("ix_crossing_subject", "subject"),
)

activation = Table(
    "activation",
    metadata,
    Column("id", Id, primary_key=True),
    required("agent", Text),
    required("watch_id", Integer),
    Column("subject", Text),
    required("state", Text),
    required("reason", Text),
    required("crossed_at", Time),
    required("created_at", Time),
    Column("started_at", Time),
    Column("finished_at", Time),
    Column("retry_at", Time),
    required("attempt", Integer),
    required("interruptions", Integer),
    Column("error", Text),
    Column("worker", Text),
    Column("lease_until", Time),
    required("fence", Integer),
    required("chain_length", Integer),
    required("marks_absorbed", Integer),
    required("marks_deposited", Integer),
    # The activation from which this one was split, and the newest model call on the board at that time.
    Column("split_from", Id),
    Column("split_after_call", Id),
    Index(
        "ix_activation_split_from",
        "split_from",
        sqlite_where=text("split_from IS NOT NULL"),
        postgresql_where=text("split_from IS NOT NULL"),
    ),
    Index(
        "ix_activation_open",
        "state",
        "agent",
        "retry_at",
        sqlite_where=text(is_one_of("state", UNFINISHED)),
        postgresql_where=text(is_one_of("state", UNFINISHED)),
    ),
    Index(None, "agent", "created_at"),
    Index(None, "finished_at"),
)

activation_input = Table(
    "activation_input",
    metadata,
    Column("activation_id", Id, primary_key=True, autoincrement=False),
    Column("mark_id", Id, primary_key=True, autoincrement=False),
    required("role", Text),
    required("event_id", Id),
    required("strength", Float),
    Index(None, "mark_id"),
    sqlite_with_rowid=False,
)

agent_state = Table(
    "agent_state",
    metadata,
    Column("agent", Text, primary_key=True),
    required("paused", Integer),
    Column("paused_because", Text),
    Column("cooldown_until", Time),
    required("failures", Integer),
)

subject_cooldown = Table(
    "subject_cooldown",
    metadata,
    Column("agent", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    required("until", Time),
    sqlite_with_rowid=False,
)

# Work after a change of the deployment, done in bounded batches.
backfill = Table(
    "backfill",
    metadata,
    Column("id", Integer, primary_key=True),
    required("task", Text),
    required("name", Text),
    required("at", Time),
    required("up_to", Id),
    required("position", Id),
)

worker = Table(
    "worker",
    metadata,
    Column("id", Text, primary_key=True),
    required("pid", Integer),
    required("host", Text),
    required("started_at", Time),
    required("seen_at", Time),
    # The program's version.
    Column("version", Text),
)

model_call = Table(
    "model_call",
    metadata,
    Column("id", Id, primary_key=True),
    required("activation_id", Id),
    required("agent", Text),
    required("model", Text),
    required("api", Text),
    required("state", Text),
    required("body", Text),
    # The number of marks in the request. After a split it differs, and so does the request.
    required("marks", Integer),
    required("planned_at", Time),
    Column("sent_at", Time),
    Column("answered_at", Time),
    Column("applied_at", Time),
    required("reserved", BigInteger),
    Column("reply", Text),
    Column("request_id", Text),
    Column("custom_id", Text),
    # In the batch API: the first call of the submission, and the provider's id of the batch.
    Column("submission", Id),
    Column("batch_id", Text),
    Column("input_tokens", Integer),
    Column("cache_read_tokens", Integer),
    Column("cache_write_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cost", BigInteger),
    Column("direct_cost", BigInteger),
    Column("error", Text),
    # Why a budget that only reports would have held the call.
    Column("would_hold", Text),
    Index(None, "activation_id"),
    # Covering indexes: the sum over a window reads no row of the table.
    Index("ix_model_call_spent", "sent_at", "state", "cost", "reserved"),
    Index("ix_model_call_agent_spent", "agent", "sent_at", "state", "cost", "reserved"),
    Index(
        "ix_model_call_open",
        "state",
        "api",
        sqlite_where=text(is_one_of("state", OPEN_CALLS)),
        postgresql_where=text(is_one_of("state", OPEN_CALLS)),
    ),
)
