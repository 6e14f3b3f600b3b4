"""One statement that checks what a transaction has read, and writes only if no result has changed.

It runs under the lock of the board. The ids of new events were chosen before the lock was taken: they follow the last
event that the transaction has read. Other transactions may have recorded events meanwhile. So each new id is raised
by the number of these events. If the last event was recorded after the instant for which the rules decided, the rows
get the instant of that event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from blackboard.clock import Instant
from blackboard.store.dialects.dialect import POSTGRESQL
from blackboard.store.row_types.board_row_types import TransactionStart
from blackboard.store.sql_composition import PARAMETER, bind_parameters
from blackboard.store.statement_file import Statement

EVENT_IDS = frozenset({"id", "mark_id", "event_id", "other_event_id", "shown_event_id"})
"""The parameters of writes that are ids of events. The id of a mark is the id of its first event."""
UNLOCKED_WRITES: Mapping[str, frozenset[str]] = {
    "marks.insert_event": frozenset({"recorded_at"}),
    "marks.insert_mark": frozenset({"deposited_at", "reinforced_at"}),
    "marks.update_mark": frozenset({"reinforced_at"}),
    "marks.insert_key": frozenset({"at"}),
    "marks.insert_unique_value": frozenset(),
    "marks.delete_unique_value": frozenset(),
    "marks.insert_tag": frozenset(),
    "marks.delete_tags_of_mark": frozenset(),
    "crossings.set_order_of_waiting": frozenset(),
}
"""The writes that need no lock, each with its parameters for the instant at which the change is recorded.

This instant is known only under the lock. All other values may be computed before, because they depend only on what the
commit checks.
"""

FINGERPRINT = "sha256(convert_to(CAST(selected AS text), 'UTF8'))"
"""The fingerprint of a row of the query `selected`."""

_NUMBER = re.compile(r"\$(\d+)")
_INSERT = re.compile(r"(INSERT INTO \w+ \([\w,\s]+\)\s+)VALUES \(([:\w,\s]+)\)")
_CHANGE = re.compile(r"(UPDATE \w+\s+SET (?:\w+ = :\w+,?\s+)+|DELETE FROM \w+\s+)(WHERE [^()]+)")
"""The only forms of a write that can be rewritten. Neither has a subquery, which would need parentheses."""

# The number of the writer rises only if no result has changed: see `CommitRecord`. If the stored number is not lower
# than the number of this message, the writer has given the message up.
_START = """
WITH start AS MATERIALIZED (
  SELECT coalesce(event.id, 0) AS last_event_id,
    greatest(board.last_recorded_at, coalesce(event.recorded_at, 0), $1) AS at
  FROM board
  LEFT JOIN event ON event.id = (SELECT max(newest.id) FROM event AS newest)
  WHERE board.version = $2 AND board.paused = $3 AND board.paused_because IS NOT DISTINCT FROM $4
    AND (SELECT alembic_version.version_num FROM alembic_version) = $5
    AND EXISTS (SELECT FROM writer WHERE id = $6 AND n < $7)
), held AS MATERIALIZED (
  SELECT start.last_event_id - $8 AS shift, start.at AS at
  FROM start
  WHERE start.last_event_id >= $8 AND start.at < $9
"""
_RAISED = "\n), raised AS (\n  UPDATE writer SET n = $7, at = $1 FROM held WHERE writer.id = $6\n)"
_END = "\nSELECT held.shift FROM held"


class SqlPart(NamedTuple):
    """A part of a statement: its text, with the parameters `$1`, `$2` and so on, and their values."""

    text: str
    values: Sequence[Any]


def with_fingerprint(text: str) -> str:
    """Return a query whose rows end with their fingerprints."""
    return f"SELECT selected.*, {FINGERPRINT} AS fingerprint FROM ({text}) AS selected"


def unchanged_condition(text: str, values: Sequence[Any], fingerprint: bytes | None) -> SqlPart:
    """Return the condition that a query has the same result as before, in any order of its rows.

    The fingerprint is that of all rows, sorted; None without rows.
    """
    if fingerprint is None:
        return SqlPart(f"NOT EXISTS ({text})", values)
    found = f"(SELECT string_agg({FINGERPRINT}, CAST('' AS bytea) ORDER BY {FINGERPRINT}) FROM ({text}) AS selected)"
    return SqlPart(f"{found} = ${len(values) + 1}", [*values, fingerprint])


def quiet_condition(subject: str, after: int) -> SqlPart:
    """Return the condition that no event of a subject was recorded after an event.

    The bounds and the expression let the planner read only the few events after it.
    """
    events = "SELECT FROM event WHERE event.id > $1 AND event.id <= (SELECT start.last_event_id FROM start)"
    return SqlPart(f"NOT EXISTS ({events} AND event.subject || '' = $2)", [after, subject])


def write_of(statement: Statement[Any], values: Mapping[str, Any], last_event_id: int) -> SqlPart:
    """Return a write as a part, with the ids of new events and the instants as they are under the lock."""
    new = [name for name in EVENT_IDS & values.keys() if (values[name] or 0) > last_event_id]
    text, names = _rewritten(statement, frozenset(new))
    return SqlPart(text, [values[name] for name in names])


def validating_statement(
    start: TransactionStart,
    now: Instant,
    latest: Instant,
    writer: tuple[str, int],
    checks: Sequence[SqlPart],
    writes: Sequence[SqlPart],
) -> SqlPart:
    """Return the statement that writes if nothing has changed. The statement gives by how much the ids of events moved.

    Args:
        start: What the transaction has read first.
        now: The instant at which the rules decided.
        latest: The writes must be recorded before this instant.
        writer: The id of the writer, and the number that its row gets.
        checks: Conditions on what it has read.
        writes: The writes.
    """
    last_event_id = start.last_event_id or 0
    values = [
        *(now, start.deployment_version, start.paused, start.paused_because, start.schema),
        *(*writer, last_event_id, latest),
    ]
    for part in (*checks, *writes):
        values += part.values
    text = _composed(
        tuple((part.text, len(part.values)) for part in checks), tuple((part.text, len(part.values)) for part in writes)
    )
    return SqlPart(text, values)


@cache
def _rewritten(statement: Statement[Any], new: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """Return the text of a write that takes its ids and instants from `held`, and the names of its values.

    Raises:
        ValueError: The places to rewrite are not certain: the statement is not an `INSERT` of values, or it has a
            subquery.
    """
    instants = UNLOCKED_WRITES[statement.name]

    def value(found: re.Match[str]) -> str:
        if found[1] in instants:
            return "held.at"
        return f"CAST({found[0]} AS bigint) + held.shift" if found[1] in new else found[0]

    text = statement.text(POSTGRESQL)
    if (insert := _INSERT.fullmatch(text)) is not None:
        text = f"{insert[1]}SELECT {PARAMETER.sub(value, insert[2])} FROM held"
    elif (change := _CHANGE.fullmatch(text)) is not None:
        joined = "USING" if text.startswith("DELETE") else "FROM"
        text = f"{PARAMETER.sub(value, change[1])}{joined} held {PARAMETER.sub(value, change[2])}"
    else:
        raise ValueError(f"{statement.name} cannot be rewritten to write only under a condition")
    return bind_parameters(text, is_numbered=True)


@lru_cache(maxsize=200)
def _composed(checks: tuple[tuple[str, int], ...], writes: tuple[tuple[str, int], ...]) -> str:
    """Return the whole text. Each part is given with the number of its values."""
    offset = 9
    conditions, tables = [], []
    for text, count in checks:
        conditions.append(f"    AND {_renumbered(text, offset)}")
        offset += count
    for number, (text, count) in enumerate(writes):
        tables.append(f", write_{number} AS (\n{_renumbered(text, offset)}\n)")
        offset += count
    return "".join([_START, "\n".join(conditions), _RAISED, *tables, _END])


def _renumbered(text: str, offset: int) -> str:
    return _NUMBER.sub(lambda found: f"${int(found[1]) + offset}", text)
