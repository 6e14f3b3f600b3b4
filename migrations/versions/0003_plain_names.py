"""Tables, columns, states and stored deployments take the names of the first release.

What is stored stays; only what it is called changes. Texts of conditions become canonical, so that an equal condition
is an equal text. Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

import json
import re
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# SQLite gives a row id only to a column declared exactly INTEGER; PostgreSQL wants 64 bits.
Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")

VIEWS = ("live_marks", "mark_history", "agenda", "activations", "provenance", "model_calls", "costs")

COLUMNS = (
    ("activation", "depth", "chain_length"),
    ("activation", "marks_left", "marks_deposited"),
    ("activation", "split_call", "split_after_call"),
    ("agent_state", "rest_until", "cooldown_until"),
    ("board", "recorded_at", "last_recorded_at"),
    ("board_total", "settled", "evaporated_through"),
    ("crossing", "held", "held_by"),
    ("deployment", "at", "deployed_at"),
    ("event", "at", "recorded_at"),
    ("model_call", "lane", "api"),
)

VALUES = (
    ("activation", "state", "aside", "quarantined"),
    ("activation", "state", "passed", "skipped"),
    ("crossing", "state", "passed", "skipped"),
    ("crossing", "held_by", "rest", "cooldown"),
    ("model_call", "state", "settled", "cost_recorded"),
    ("model_call", "api", "direct", "messages"),
)

SETTINGS = {
    "gather": "batch_window",
    "urgency": "urgent_above",
    "rest": "cooldown",
    "rest_per": "cooldown_per",
    "rest_after_failures": "cooldown_after_failures",
    "max_depth": "max_chain",
    "hourly_limit": "max_activations_per_hour",
    "lane_below": "batch_api_below",
}


def upgrade() -> None:
    for view in VIEWS:  # they are made anew at the end of an upgrade
        op.execute(f"DROP VIEW IF EXISTS {view}")
    # Its condition lists the states.
    op.drop_index("ix_activation_open", "activation")
    for table, old, new in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    for table, column, old_value, new_value in VALUES:
        op.execute(f"UPDATE {table} SET {column} = '{new_value}' WHERE {column} = '{old_value}'")
    unfinished = "state IN ('ready', 'running', 'held', 'dead', 'quarantined')"
    op.create_index(
        "ix_activation_open",
        "activation",
        ["state", "agent", "retry_at"],
        sqlite_where=sa.text(unfinished),
        postgresql_where=sa.text(unfinished),
    )
    op.add_column("board", sa.Column("views_hash", sa.Text))
    op.add_column("worker", sa.Column("version", sa.Text))
    _replace_tables()
    _rewrite_deployments()


def _replace_tables() -> None:
    # SQLite would leave a renamed table's name in quotes, so each is made anew and filled.
    op.create_table(
        "activation_input",
        sa.Column("activation_id", Id, primary_key=True, autoincrement=False),
        sa.Column("mark_id", Id, primary_key=True, autoincrement=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("event_id", Id, nullable=False),
        sa.Column("strength", sa.Float, nullable=False),
        sqlite_with_rowid=False,
    )
    _move("activation_mark", "activation_input", "activation_id, mark_id, role, event_id, strength")
    op.create_index("ix_activation_input_mark_id", "activation_input", ["mark_id"])
    op.create_table(
        "predicted_crossing",
        sa.Column("watch_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("mark_id", Id, primary_key=True, autoincrement=False),
        sa.Column("due_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )
    _move("fall", "predicted_crossing", "watch_id, subject, mark_id, due_at")
    op.create_index("ix_predicted_crossing_due_at", "predicted_crossing", ["due_at"])
    op.create_index("ix_predicted_crossing_mark_id", "predicted_crossing", ["mark_id"])
    op.create_table(
        "backfill",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("up_to", Id, nullable=False),
        sa.Column("position", Id, nullable=False),
    )
    _move("follow_up", "backfill", "id, task, name, at, up_to, position", "id, sort, name, at, upto, position")
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            "SELECT setval(pg_get_serial_sequence('backfill', 'id'),"
            " (SELECT coalesce(max(id), 0) + 1 FROM backfill), false)"
        )
    op.create_table(
        "subject_cooldown",
        sa.Column("agent", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    _move("rest", "subject_cooldown", "agent, subject, until")
    op.create_table(
        "law_change",
        sa.Column("kind", sa.Text, sa.ForeignKey("kind.name"), primary_key=True),
        sa.Column("law", sa.Text, sa.ForeignKey("law.law"), primary_key=True),
        sa.Column("new_law", sa.Text, sa.ForeignKey("law.law"), nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
    )
    _move("succession", "law_change", "kind, law, new_law, changed_at", "kind, law, successor, at")


def _move(old: str, new: str, columns: str, from_columns: str | None = None) -> None:
    op.execute(f"INSERT INTO {new} ({columns}) SELECT {from_columns or columns} FROM {old}")
    op.drop_table(old)


def _rewrite_deployments() -> None:
    connection = op.get_bind()
    deployment = sa.table("deployment", sa.column("version"), sa.column("content"))
    for version, content in connection.execute(sa.select(deployment.c.version, deployment.c.content)).fetchall():
        text = json.dumps(renamed(json.loads(content)), sort_keys=True, ensure_ascii=False)
        connection.execute(deployment.update().where(deployment.c.version == version).values(content=text))
    watch = sa.table("watch", sa.column("id"), sa.column("condition"))
    for number, condition in connection.execute(sa.select(watch.c.id, watch.c.condition)).fetchall():
        connection.execute(watch.update().where(watch.c.id == number).values(condition=canonical(condition)))


def renamed(deployment: dict[str, Any]) -> dict[str, Any]:
    """Give the fields of a stored deployment their new names."""
    for kind in deployment.get("kinds", {}).values():
        _rename(kind, {"joins": "on_repeat"})
    for agent in deployment.get("agents", {}).values():
        _rename(agent, {"formerly": "renamed_from"})
        for watch in agent.get("watches", ()):
            _rename(watch, {"rearm": "min_increase", "own": "include_own"})
            for field in ("when", "only_if", "unless"):
                if watch.get(field):
                    watch[field] = canonical(watch[field])
        settings = agent.get("settings", {})
        _rename(settings, SETTINGS)
        if "lane" in settings:
            settings["use_batch_api"] = settings.pop("lane") == "batch"
    return deployment


def _rename(fields: dict[str, Any], names: dict[str, str]) -> None:
    for old, new in names.items():
        if old in fields:
            fields[new] = fields.pop(old)


# -- the text of a condition ------------------------------------------------------------------------------------------

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<text>'(?:[^']|'')*'|\"[^\"]*\")|(?P<sign>>=|[<&|~(),=]))",
    re.ASCII,
)


def canonical(text: str) -> str:
    """Rewrite a condition, `max(lead) >= 1 & count(reply, over=board) < 2`, as an expression with quoted kinds."""
    tokens, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None:
            return text  # no text that this program ever stored
        tokens.append((match.lastgroup, match[match.lastgroup or 0]))
        at = match.end()
    return _text(_joined([*tokens, ("end", "")], "|")[0])


Token = tuple[str | None, str]
Node = str | tuple[str, list[Any]]
"""A comparison as its text, or `&`, `|` or `~` with its parts."""


def _joined(tokens: list[Token], operator: str) -> tuple[Node, list[Token]]:
    parts: list[Node] = []
    while True:
        part, tokens = _joined(tokens, "&") if operator == "|" else _unary(tokens)
        parts += part[1] if not isinstance(part, str) and part[0] == operator else [part]
        if tokens[0] != ("sign", operator):
            return (parts[0] if len(parts) == 1 else (operator, parts)), tokens
        tokens = tokens[1:]


def _unary(tokens: list[Token]) -> tuple[Node, list[Token]]:
    if tokens[0] == ("sign", "~"):
        part, tokens = _unary(tokens[1:])
        return ("~", [part]), tokens
    if tokens[0] == ("sign", "("):
        part, tokens = _joined(tokens[1:], "|")
        return part, tokens[1:]
    function, arguments = tokens[0][1], []
    tokens = tokens[2:]
    kinds: list[str] = []
    over, subject = "", ""
    while True:
        (kind, value), tokens = tokens[0], tokens[1:]
        if (kind, value) in (("sign", ","), ("sign", ")")):
            if value == ")":
                break
        elif tokens[0] == ("sign", "="):
            (option, given), tokens = tokens[1], tokens[2:]
            if option == "text":
                given = given[1:-1].replace("''", "'") if given[0] == "'" else given[1:-1]
            if value == "over" and given == "board":
                over = 'over="board"'
            elif value == "subject":
                subject = f"subject={json.dumps(given, ensure_ascii=False)}"
        elif value not in kinds:
            kinds.append(value)
    arguments = [*(f'"{name}"' for name in kinds), *filter(None, (over, subject))]
    (_, operator), (_, digits), *tokens = tokens
    number = float(digits)
    short = f"{number:.12g}"
    threshold = short if float(short) == number else repr(number)
    return f"{'strongest' if function == 'max' else function}({', '.join(arguments)}) {operator} {threshold}", tokens


def _text(node: Node) -> str:
    if isinstance(node, str):
        return node
    operator, parts = node
    if operator == "~":
        return f"~({_text(parts[0])})"
    return f" {operator} ".join(
        _text(part) if not isinstance(part, str) and part[0] == "~" else f"({_text(part)})" for part in parts
    )
