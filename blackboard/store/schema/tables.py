"""The tables: their keys, references and indexes. Their columns are the fields of the row types.

The names of tables are singular; the names of the views in `sql/views.sql` are plural.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UnaryExpression,
    column,
    text,
)

from blackboard.core.records.states import OPEN_CALLS, SUSPECT_DEATHS, UNFINISHED, CrossingState, one_of_states
from blackboard.store.dialects.dialect import SQLITE
from blackboard.store.row_types.activation_row_types import ActivationRow, AgentStateRow, InputRow, SubjectCooldownRow
from blackboard.store.row_types.board_row_types import (
    AccessTokenRow,
    ActivityEventRow,
    BoardRow,
    MessageRow,
    SecretRow,
    WorkerRow,
    WriterRow,
)
from blackboard.store.row_types.deployment_row_types import (
    BackfillRow,
    DeploymentRow,
    KindRow,
    LawChangeRow,
    LawRow,
    LawSegmentRow,
)
from blackboard.store.row_types.mark_row_types import (
    DepositKeyRow,
    EventRow,
    MarkRow,
    MarkTagRow,
    OpenNeedRow,
    ReadPositionRow,
    UniqueValueRow,
    WindowEventRow,
    WindowTagRow,
)
from blackboard.store.row_types.model_call_row_types import CallRow, ModelPauseRow
from blackboard.store.row_types.search_row_types import SearchDocRow, SearchFieldRow, SearchKindRow
from blackboard.store.row_types.watch_row_types import (
    AbsorbedRow,
    CrossingRow,
    FollowedWatchRow,
    PredictedCrossingRow,
    WatchRow,
    WatchStateRow,
    WatchTotalRow,
)

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)

COLUMN_TYPES: dict[str, Any] = {
    # On SQLite only a column declared as INTEGER is the row id; on PostgreSQL 64 bits need BIGINT.
    "Id": BigInteger().with_variant(Integer, SQLITE),
    "Instant": BigInteger(),
    "Duration": BigInteger(),
    "Money": BigInteger(),
    "int": Integer(),
    "Flag": Integer(),
    "Number": BigInteger(),
    "AddedNumber": BigInteger(),
    "AddedInstant": BigInteger(),
    "AddedDuration": BigInteger(),
    "float": Float(),
    "str": Text(),
    "CallApi": Text(),
}
"""The column types, by the names of types that the fields of rows are declared with: see `column_types`."""
DEFAULT_ZERO = frozenset({"Flag", "AddedNumber", "AddedInstant", "AddedDuration"})
"""The types of columns whose default is 0."""

IS_WAITING = f"state = '{CrossingState.WAITING}'"


def table(
    name: str,
    row: Any,
    key: str,
    *indexes: Index,
    draws_ids: bool = False,
    clustered: bool = False,
    references: Mapping[str, str] | None = None,
) -> Table:
    """Define a table.

    Args:
        name: Its name.
        row: The row type. A field that may be None is a column that may be NULL.
        key: The columns of the primary key, separated by spaces.
        indexes: Its indexes.
        draws_ids: Whether the database numbers the rows.
        clustered: Whether SQLite keeps the rows in the index of the primary key.
        references: The column of another table, by the name of the column that refers to it.
    """
    columns = []
    for name_of_column, annotation in row.__annotations__.items():
        type_, _, none = annotation.__forward_arg__.partition(" | ")
        reference = (references or {}).get(name_of_column)
        columns.append(
            Column(
                name_of_column,
                COLUMN_TYPES[type_],
                *([] if reference is None else [ForeignKey(reference)]),
                primary_key=name_of_column in key.split(),
                autoincrement="auto" if draws_ids else False,
                nullable=bool(none),
                server_default=text("0") if type_ in DEFAULT_ZERO else None,
            )
        )
    return Table(name, metadata, *columns, *indexes, sqlite_with_rowid=not clustered)


def partial_index(name: str, *columns: str | UnaryExpression[Any], where: str, unique: bool = False) -> Index:
    """Define an index over the rows that meet a condition."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


board = table("board", BoardRow, "id")
table("deployment", DeploymentRow, "version")
table("law", LawRow, "law")
table("law_segment", LawSegmentRow, "law age", references={"law": "law.law"})
table("kind", KindRow, "name", references={"law": "law.law"})
table(
    "law_change",
    LawChangeRow,
    "kind law",
    references={"kind": "kind.name", "law": "law.law", "new_law": "law.law"},
)
table(
    "mark",
    MarkRow,
    "id",
    Index(None, "kind", "subject"),
    Index(None, "kind", "law", "order_key"),
    Index(None, "kind", "event_id"),
    Index(None, "evaporates_at"),
    partial_index("ix_mark_own_law", "kind", "subject", where="own_law = 1"),
    references={"kind": "kind.name"},
)
table(
    "event",
    EventRow,
    "id",
    Index(None, "subject", "mark_id", "id"),
    partial_index("ix_event_activation_id", "activation_id", where="activation_id IS NOT NULL"),
)
table(
    "window_event",
    WindowEventRow,
    "kind subject occurred_at event_id",
    Index(None, "kind", "occurred_at"),
    Index(None, "mark_id"),
    clustered=True,
)
table(
    "window_tag",
    WindowTagRow,
    "kind name value occurred_at event_id",
    Index(None, "event_id"),
    clustered=True,
)
table(
    "deposit_key",
    DepositKeyRow,
    "key author kind",
    partial_index("ix_deposit_key_source", "source", "mark_id", where="source IS NOT NULL"),
    clustered=True,
)
table("read_position", ReadPositionRow, "source author kind", clustered=True)
table("open_need", OpenNeedRow, "mark_id", Index(None, "remind_at"))
table("unique_value", UniqueValueRow, "kind value mark_id", Index(None, "mark_id"), clustered=True)
table("mark_tag", MarkTagRow, "kind name value mark_id", Index(None, "mark_id"), clustered=True)
table("search_kind", SearchKindRow, "number")
table("search_field", SearchFieldRow, "number position", clustered=True)
table("search_doc", SearchDocRow, "id")
table("watch", WatchRow, "id", Index("uq_watch_agent_name", "agent", "name", unique=True), draws_ids=True)
table(
    "absorbed",
    AbsorbedRow,
    "watch_id mark_id",
    Index(None, "mark_id"),
    partial_index("ix_absorbed_silently", "mark_id", where="event_id > given_event_id"),
    clustered=True,
)
table("watch_total", WatchTotalRow, "watch_id scope kind law", clustered=True)
table(
    "predicted_crossing",
    PredictedCrossingRow,
    "watch_id scope mark_id",
    Index(None, "due_at"),
    Index(None, "mark_id"),
    clustered=True,
)
table("watch_state", WatchStateRow, "watch_id scope mark_id", Index(None, "mark_id"), clustered=True)
table("followed_watch", FollowedWatchRow, "watch_id scope mark_id", clustered=True)
table(
    "crossing",
    CrossingRow,
    "id",
    partial_index("uq_crossing_waiting", "watch_id", "scope", "mark_id", where=IS_WAITING, unique=True),
    partial_index("ix_crossing_ready", "watch_id", "ready_at", where=IS_WAITING),
    partial_index("ix_crossing_order", "watch_id", "law", column("order_key").desc(), "id", where=IS_WAITING),
    Index("ix_crossing_activation", "activation_id"),
    Index(None, "scope"),
    draws_ids=True,
)
table(
    "activation",
    ActivationRow,
    "id",
    partial_index("ix_activation_split_from", "split_from", where="split_from IS NOT NULL"),
    partial_index("ix_activation_open", "state", "agent", "retry_at", where=one_of_states("state", UNFINISHED)),
    partial_index("ix_activation_suspect", "agent", "retry_at", where=f"deaths >= {SUSPECT_DEATHS}"),
    Index(None, "agent", "created_at"),
    Index(None, "finished_at"),
    draws_ids=True,
)
table("activation_input", InputRow, "activation_id mark_id", Index(None, "mark_id"), clustered=True)
table("agent_state", AgentStateRow, "agent")
table("subject_cooldown", SubjectCooldownRow, "agent scope", clustered=True)
table("backfill", BackfillRow, "id", draws_ids=True)
table("worker", WorkerRow, "id")
table("writer", WriterRow, "id")
table("model_pause", ModelPauseRow, "agent model")
table(
    "model_call",
    CallRow,
    "id",
    Index(None, "activation_id"),
    # Covering indexes: the sum over a window reads no row of the table.
    Index("ix_model_call_spent", "sent_at", "state", "cost", "reserved"),
    Index("ix_model_call_agent_spent", "agent", "sent_at", "state", "cost", "reserved"),
    partial_index("ix_model_call_open", "state", "api", where=one_of_states("state", OPEN_CALLS)),
    draws_ids=True,
)
table("activity_event", ActivityEventRow, "id")
table(
    "access_token",
    AccessTokenRow,
    "digest",
    partial_index("uq_access_token_valid", "name", where="revoked_at IS NULL", unique=True),
)
table(
    "message",
    MessageRow,
    "id",
    Index("uq_message_occurrence", "sink", "occurrence", unique=True),
    partial_index("ix_message_due", "sink", "due_at", where="state = 'waiting'"),
    partial_index("ix_message_unfinished", "sink", where="state IN ('waiting', 'failed', 'gone')"),
    Index(None, "created_at"),
    Index(None, "scope"),
    draws_ids=True,
)
table("secret", SecretRow, "name")
