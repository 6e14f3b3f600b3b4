"""Findings about the database: its engine and schema, and its file or its database server."""

from __future__ import annotations

from collections.abc import Iterator

from blackboard.board.diagnosis.clock_findings import MAX_LAG
from blackboard.board.diagnosis.examined_board import ExaminedBoard
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.records.finding import Finding, finding_of
from blackboard.durations import format_duration
from blackboard.plurals import counted
from blackboard.store.database_interfaces.upkeep_interface import FileHealth, Health, PostgresqlHealth
from blackboard.store.schema.schema_revisions import HEAD

MEGABYTE = 1024 * 1024

MIN_FREE_BYTES = 256 * MEGABYTE
"""Free bytes on the disk below which the finding is wrong."""

MAX_LOG_BYTES = 64 * MEGABYTE
"""Bytes of the write-ahead log above which its checkpoints are assumed to be prevented."""

MAX_IDLE_SHARE = 0.5
"""The unused share of the file above which the finding is a note."""

PAGE_DAMAGE = "pages"
"""The name of the finding about damage in the pages of the file."""


def examine(txn: BoardTransaction, examination: ExaminedBoard) -> Iterator[Finding]:
    """Yield the findings about the database."""
    yield from _store(examination.health, examination.schema)
    yield from _partitions(txn)


def _store(health: Health, schema: str | None) -> Iterator[Finding]:
    """Yield findings about the engine, the schema, and the file or the database server."""
    race = (
        "its checkpoints block all writers, and damage the file if another program writes at the same time; use"
        " SQLite 3.51.3 or later, which the package pysqlite3 brings"
    )
    yield finding_of("engine", health.engine, "" if health.is_safe else race, is_fine=health.is_safe)
    yield finding_of("schema", f"{schema}", f"'blackboard init' upgrades it to {HEAD}", is_fine=schema == HEAD)
    if health.file is not None:
        yield from _file(health.file)
        yield from _space(health.file)
    if health.database_server is not None:
        yield from _database_server(health.database_server)


def _database_server(health: PostgresqlHealth) -> Iterator[Finding]:
    """Yield findings about PostgreSQL: its version and role, its durability, its clock and a pooler before it."""
    role = "a standby, which can only be read" if health.is_standby else "the primary server"
    yield Finding("database server", "note" if health.is_standby else "ok", f"{health.version}, {role}")
    if health.unsafe_settings:
        yield Finding(
            "durability",
            "note",
            f"switched off: {', '.join(health.unsafe_settings)}; a crash of the server may lose answered commits",
            "switch each of them on in the configuration of PostgreSQL",
        )
    ahead = "ahead of" if health.skew > 0 else "behind"
    yield finding_of(
        "database clock",
        f"this machine is {format_duration(abs(health.skew))} {ahead} the database server",
        "synchronize the clocks of the machines",
        is_fine=abs(health.skew) <= MAX_LAG,
    )
    if health.is_pooled:
        yield finding_of(
            "pooler",
            "a pooler is between this machine and the database server",
            "set prepare = false in [database], unless the pooler keeps a connection for each session",
            is_fine=not health.keeps_statements,
        )
    if not health.is_heard:
        yield Finding(
            "notifications",
            "note",
            "commits of other processes are noticed only at each [daemon] tick,"
            " and the death of a worker only when its lease ends",
            "name the database server itself as 'direct_url' in [database]",
        )


def _partitions(txn: BoardTransaction) -> Iterator[Finding]:
    """Yield findings about the partitions of the history, if a board on PostgreSQL has them."""
    if (found := txn.sql.partitions) is None:
        return
    partitions, partitioning = found.all(), found.state()
    detail = f"{counted(len(partitions), 'partition')} of the history, new ones for {partitioning.events:,} events"
    if not found.may_change():
        problem = "this user does not own the table event, so it neither creates nor removes partitions"
        yield Finding("partitions", "note", f"{detail}; {problem}", "run a daemon as the owner of the tables")
    elif partitions[-1].end <= txn.last_event_id + 1:
        problem = "the next one is missing, so the process that needs it creates it"
        yield Finding("partitions", "note", f"{detail}; {problem}", "run a daemon, which creates it ahead of need")
    else:
        yield Finding("partitions", "ok", detail)


def _file(health: FileHealth) -> Iterator[Finding]:
    """Yield findings about the file itself: its journal, its pages, its mount and who can read it."""
    yield finding_of(
        "journal mode",
        health.journal_mode,
        "'blackboard init' sets it; until then readers and writers wait for each other",
        is_fine=health.journal_mode == "wal",
    )
    damage = "; ".join(health.damage) or "every page is intact"
    yield finding_of(
        PAGE_DAMAGE, damage, "'blackboard restore FILE' replaces the board with a backup", is_fine=not health.damage
    )
    if health.is_mounted_alone:
        yield Finding(
            "mount",
            "wrong",
            "the file is mounted without its folder, so its write-ahead log is not on the mount",
            "mount the folder of the board, never the file",
        )
    others = health.open_to_others
    names = ", ".join(map(str, others))
    yield finding_of(
        "permissions", names or "only this user has access", "run chmod go= on each of them", is_fine=not others
    )


def _space(health: FileHealth) -> Iterator[Finding]:
    """Yield findings about the room on the disk, in the write-ahead log and in the file."""
    size, free, log = health.bytes, health.free_bytes, health.log_bytes
    enough = free >= max(MIN_FREE_BYTES, size // 10)
    yield finding_of(
        "disk", f"{_size(free)} free, the board takes {_size(size)}", "free some space on this disk", is_fine=enough
    )
    yield finding_of(
        "write-ahead log",
        _size(log),
        "a long reading transaction prevents its checkpoint: end the reader, then start the daemon",
        is_fine=log <= MAX_LOG_BYTES,
    )
    idle = health.idle_bytes
    if size > 16 * MEGABYTE and idle > MAX_IDLE_SHARE * size:
        yield Finding(
            "file",
            "note",
            f"{_size(idle)} of {_size(size)} are unused",
            "new marks will use them; 'blackboard compact' gives them back",
        )


def _size(count: int) -> str:
    return f"{count / MEGABYTE:.1f} MB"
