"""What the board needs to lose nothing when classes, watches, versions, files and workers change.

Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# SQLite gives a row id only to a column declared exactly INTEGER; PostgreSQL wants 64 bits.
Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the changes, part by part."""
    _remember_events_of_others()
    _register_code_of_workers()
    _keys_of_deposits()
    _activations_of_marks()
    _count_worker_deaths()
    _remember_owed_compactions()
    _errors_of_totals()
    _laws_of_their_own()
    _states_given()
    _sort_equal_crossings_by_age()
    _name_sides_of_crossings()
    _values_that_are_equal()
    _pauses_of_models()
    _ends_of_service()
    _one_form_of_subjects()


def _remember_events_of_others() -> None:
    """Add the last event of a mark that its author did not deposit as an agent, from the history."""
    op.add_column("mark", sa.Column("other_event_id", Id))
    op.execute(
        """
        UPDATE mark SET other_event_id = (
          SELECT max(event.id)
          FROM event
          WHERE event.subject = mark.subject AND event.mark_id = mark.id
            AND event.event IN ('deposited', 'reinforced')
            AND (event.author <> mark.author OR event.activation_id IS NULL)
        )
        """
    )


def _keys_of_deposits() -> None:
    """Give each key the author and kind of its deposit.

    A deposit that changed nothing refers to an earlier event, perhaps of another author. Its own author was not stored,
    so the key holds for every author. A key whose event was removed also holds for every kind. Blank keys go, and keys
    with the board's own prefix that others have taken.
    """
    # A renamed table would keep its indexes and, in SQLite, its name in quotes, so the rows wait in another one.
    op.execute("CREATE TABLE former_key AS SELECT key, mark_id, event_id, at FROM deposit_key")
    op.drop_table("deposit_key")
    op.create_table(
        "deposit_key",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("author", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("mark_id", Id, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text),
        sqlite_with_rowid=False,
    )
    loaded = sa.text("source IS NOT NULL")
    op.create_index(
        "ix_deposit_key_source", "deposit_key", ["source", "mark_id"], sqlite_where=loaded, postgresql_where=loaded
    )
    op.execute("""
        INSERT INTO deposit_key (key, author, kind, digest, mark_id, event_id, at)
        SELECT former.key, CASE WHEN event.recorded_at = former.at THEN event.author ELSE '' END,
          coalesce(event.kind, ''), '', former.mark_id, former.event_id, former.at
        FROM former_key AS former
        LEFT JOIN event ON event.id = former.event_id
        WHERE trim(former.key) <> ''
          AND (substr(former.key, 1, 11) <> 'blackboard/' OR event.author = 'blackboard')
    """)
    op.drop_table("former_key")


def _activations_of_marks() -> None:
    """Record with each mark which activation deposited it last."""
    op.add_column("mark", sa.Column("activation_id", Id))
    op.execute("""
        UPDATE mark SET activation_id = (SELECT event.activation_id FROM event WHERE event.id = mark.event_id)
    """)


def _count_worker_deaths() -> None:
    """Add how often in a row an activation's worker died, and an index of the activations that must run alone."""
    op.add_column("activation", sa.Column("deaths", sa.Integer))
    alone = sa.text("deaths >= 2")
    op.create_index(
        "ix_activation_suspect", "activation", ["agent", "retry_at"], sqlite_where=alone, postgresql_where=alone
    )


def _errors_of_totals() -> None:
    """Add by how much the sums over the board may be wrong. It is not known of the sums that exist."""
    op.add_column("board_total", sa.Column("error0", sa.Float))
    op.add_column("board_total", sa.Column("error1", sa.Float))


def _laws_of_their_own() -> None:
    """Flag the marks whose law is not that of their kind, and let one backfill carry all changes of a kind.

    Not flagged are marks that still follow a change, and marks that were reinforced under a kind with a fixed end: they
    kept their end, so each has another law than the kind.
    """
    for table in ("mark", "event"):
        op.add_column(table, sa.Column("own_law", sa.Integer, server_default=sa.text("0"), nullable=False))
    op.execute("""
        UPDATE mark SET own_law = 1
        WHERE EXISTS (
          SELECT 1
          FROM kind
          JOIN law AS of_kind ON of_kind.law = kind.law
          JOIN law AS of_mark ON of_mark.law = mark.law
          WHERE kind.name = mark.kind AND kind.law <> mark.law
            AND NOT (mark.reinforcements > 0
              AND of_kind.spec LIKE '%"fixed": true%' AND of_mark.spec LIKE '%"fixed": true%')
        )
        AND NOT EXISTS (
          SELECT 1
          FROM law_change
          WHERE law_change.kind = mark.kind AND law_change.law = mark.law AND law_change.new_law <> mark.law
            AND mark.anchored_at < law_change.changed_at
        )
    """)
    op.execute("""
        UPDATE event SET own_law = 1
        WHERE id IN (
          SELECT event.id
          FROM mark
          JOIN event ON event.subject = mark.subject AND event.mark_id = mark.id AND event.law = mark.law
          WHERE mark.own_law = 1
        )
    """)
    op.create_index(
        "ix_mark_own_law",
        "mark",
        ["kind", "subject"],
        sqlite_where=sa.text("own_law = 1"),
        postgresql_where=sa.text("own_law = 1"),
    )
    connection = op.get_bind()
    for task in connection.execute(sa.text("SELECT id, name FROM backfill WHERE task IN ('law', 'floor')")).all():
        connection.execute(
            sa.text("UPDATE backfill SET task = 'kind', name = :kind WHERE id = :id"),
            {"kind": task.name.partition(" ")[0], "id": task.id},
        )


def _register_code_of_workers() -> None:
    """Add what a worker serves: agents with the digests of its code, the newest schema, and which model answers."""
    op.add_column("worker", sa.Column("agents", sa.Text))
    op.add_column("worker", sa.Column("schema", sa.Text))
    op.add_column("worker", sa.Column("model", sa.Text))


def _states_given() -> None:
    """Add the event of the state in which an agent was last given a mark: the one that its watch absorbed."""
    op.add_column("absorbed", sa.Column("given_event_id", Id))
    op.execute("UPDATE absorbed SET given_event_id = event_id")
    silently = sa.text("event_id > given_event_id")
    op.create_index("ix_absorbed_silently", "absorbed", ["mark_id"], sqlite_where=silently, postgresql_where=silently)


def _remember_owed_compactions() -> None:
    """Add since when the file may still contain words of an erased subject."""
    op.add_column("board", sa.Column("compaction_owed_at", sa.BigInteger))


def _sort_equal_crossings_by_age() -> None:
    """Let the index give crossings of equal strength in the order of their ids, however many there are."""
    op.drop_index("ix_crossing_order", "crossing")
    columns = ["watch_id", "law", sa.text("order_key DESC"), "id"]
    where = sa.text("state = 'waiting'")
    op.create_index("ix_crossing_order", "crossing", columns, sqlite_where=where, postgresql_where=where)


def _values_that_are_equal() -> None:
    """Write unique values in a form that equal values share: instants in UTC, numbers as numbers.

    So two marks may turn out to hold one value. Both keep it.
    """
    op.drop_table("unique_value")
    op.create_table(
        "unique_value",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("mark_id", Id, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_unique_value_mark_id", "unique_value", ["mark_id"])
    connection = op.get_bind()
    content = connection.execute(sa.text("SELECT content FROM deployment ORDER BY version DESC LIMIT 1")).scalar()
    for kind, spec in json.loads(content)["kinds"].items() if content else ():
        if (field := spec.get("unique")) is None:
            continue
        schema = spec.get("payload") or {}
        of_field = schema.get("properties", {}).get(field)
        marks = connection.execute(sa.text("SELECT id, payload FROM mark WHERE kind = :kind"), {"kind": kind}).all()
        for mark in marks:
            if (value := json.loads(mark.payload).get(field)) is not None:
                connection.execute(
                    sa.text("INSERT INTO unique_value (kind, value, mark_id) VALUES (:kind, :value, :mark_id)"),
                    {"kind": kind, "mark_id": mark.id, "value": value_text(value, of_field, schema)},
                )


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,18})?", re.ASCII)


def value_text(value: Any, schema: Any, root: Mapping[str, Any]) -> str:
    """Return the text that equal values share. A copy of what `unique_values` of the board does."""
    branches = list(_branches(schema, root))
    if isinstance(value, dict):
        members = (
            f"{json.dumps(name)}:{value_text(value[name], _part(branches, name, 0), root)}" for name in sorted(value)
        )
        return f"{{{','.join(members)}}}"
    if isinstance(value, list):
        return f"[{','.join(value_text(item, _part(branches, None, i), root) for i, item in enumerate(value))}]"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(str(value))
    if isinstance(value, str):
        if any(branch.get("format") == "decimal" for branch in branches) and _NUMBER.fullmatch(value):
            return _number(value)
        if any(branch.get("format") in ("date-time", "time") for branch in branches):
            value = _instant(value)
    return json.dumps(value, ensure_ascii=False)


def _branches(schema: Any, root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a schema and those that it refers to or chooses between."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    if isinstance(reference := schema.get("$ref"), str):
        yield from _branches(root.get("$defs", {}).get(reference.rpartition("/")[2]), root)
    for choice in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(choice, ()):
            yield from _branches(part, root)


def _part(branches: list[Mapping[str, Any]], name: str | None, place: int) -> Any:
    """Return the schema of a member of an object, or of an item of a list."""
    for branch in branches:
        first = branch.get("prefixItems", ())
        if name is None and place < len(first):
            return first[place]
        found = branch.get("items") if name is None else branch.get("properties", {}).get(name)
        if found is None and name is not None:
            found = branch.get("additionalProperties")
        if found is not None:
            return found
    return None


def _number(text: str) -> str:
    number = Decimal(text)
    exact = Context(prec=len(number.as_tuple().digits), Emax=MAX_EMAX, Emin=MIN_EMIN)
    number = number.normalize(exact) if number else Decimal(0)
    return f"{number:f}" if abs(number.adjusted()) < 30 else str(number)


def _instant(text: str) -> str:
    """Return a time with a zone in UTC, and any other text as it is."""
    try:
        if text[10:11] in ("T", "t", " ", "_"):
            instant = datetime.fromisoformat(text)
        else:
            clock = time.fromisoformat(text)
            if clock.tzinfo is None:
                return clock.isoformat()
            instant = datetime.combine(date(2000, 1, 2), clock)
        return (instant if instant.tzinfo is None else instant.astimezone(UTC)).isoformat()
    except (ValueError, OverflowError):
        return text


def _name_sides_of_crossings() -> None:
    """Add which side of its condition a crossing met. Of older crossings it is not known."""
    op.add_column("crossing", sa.Column("measure", sa.Text))


def _pauses_of_models() -> None:
    """Add the models that refuse calls, or whose answers are unusable. None is known on an existing board."""
    op.create_table(
        "model_pause",
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("failed_at", sa.BigInteger, nullable=False),
        sa.Column("probe_at", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("refusals", sa.Integer, nullable=False),
        sa.Column("is_access", sa.Integer, nullable=False),
        sa.Column("suspect", Id),
    )


def _ends_of_service() -> None:
    """Add when a worker last served an agent. Until now only the activations of the agent tell."""
    op.add_column("agent_state", sa.Column("served_at", sa.BigInteger))
    op.execute("""
        UPDATE agent_state
        SET served_at = (SELECT max(started_at) FROM activation WHERE activation.agent = agent_state.agent)
    """)
    op.execute("""
        INSERT INTO agent_state (agent, paused, failures, served_at)
        SELECT activation.agent, 0, 0, max(activation.started_at)
        FROM activation
        WHERE activation.started_at IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM agent_state WHERE agent_state.agent = activation.agent)
        GROUP BY activation.agent
    """)


def _one_form_of_subjects() -> None:
    """Write subjects in NFC, the form in which they are stored and looked up from now on.

    A board may have one subject in two forms. Then its marks are marks of one subject. Of its crossings that wait for
    one watch, one stays; of two predictions or cooldowns, the later one.
    """
    tables = ("mark", "event", "activation", "crossing", "predicted_crossing", "subject_cooldown")
    connection = op.get_bind()
    found = {
        subject
        for table in tables
        for subject in connection.execute(sa.text(f"SELECT DISTINCT subject FROM {table}")).scalars()
        if subject is not None and not unicodedata.is_normalized("NFC", subject)
    }
    merge = """
        UPDATE crossing SET state = 'skipped', closed_at = noticed_at
        WHERE subject = :old AND state = 'waiting' AND EXISTS (
          SELECT 1
          FROM crossing AS other
          WHERE other.subject = :new AND other.state = 'waiting' AND other.watch_id = crossing.watch_id
            AND other.mark_id = crossing.mark_id
        );
        UPDATE predicted_crossing SET due_at = (
          SELECT max(other.due_at)
          FROM predicted_crossing AS other
          WHERE other.subject IN (:old, :new) AND other.watch_id = predicted_crossing.watch_id
            AND other.mark_id = predicted_crossing.mark_id
        )
        WHERE subject = :new;
        DELETE FROM predicted_crossing
        WHERE subject = :old AND EXISTS (
          SELECT 1
          FROM predicted_crossing AS other
          WHERE other.subject = :new AND other.watch_id = predicted_crossing.watch_id
            AND other.mark_id = predicted_crossing.mark_id
        );
        UPDATE subject_cooldown SET until = (
          SELECT max(other.until)
          FROM subject_cooldown AS other
          WHERE other.subject IN (:old, :new) AND other.agent = subject_cooldown.agent
        )
        WHERE subject = :new;
        DELETE FROM subject_cooldown
        WHERE subject = :old AND EXISTS (
          SELECT 1
          FROM subject_cooldown AS other
          WHERE other.subject = :new AND other.agent = subject_cooldown.agent
        )
    """
    rename = ";".join(f"UPDATE {table} SET subject = :new WHERE subject = :old" for table in tables)
    for subject in sorted(found):
        names = {"old": subject, "new": unicodedata.normalize("NFC", subject)}
        for statement in f"{merge};{rename}".split(";"):
            wanted = {name: value for name, value in names.items() if f":{name}" in statement}
            connection.execute(sa.text(statement), wanted)
