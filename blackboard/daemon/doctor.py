"""Looks at everything that can be wrong with a board and says what to do about it. It changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from blackboard.board.blackboard import Blackboard
from blackboard.board.board_transaction import BoardTransaction
from blackboard.board.inbox import inbox
from blackboard.board_files import BoardFiles
from blackboard.clock import iso
from blackboard.daemon.liveness import living
from blackboard.deployment import Deployment
from blackboard.durations import format_duration
from blackboard.marks import Decision, Need
from blackboard.states import ActivationState
from blackboard.store.database_checks import Health, measure, open_to_others
from blackboard.store.rows import ActivationRow
from blackboard.store.schema import HEAD, revision_of
from blackboard.store.statements import ACTIVATIONS, CROSSINGS

__all__ = ["Finding", "examine"]

MEGABYTE = 1024 * 1024
LEAST_ROOM = 256 * MEGABYTE
"""Free bytes on the disk below which something is wrong."""
LARGEST_LOG = 64 * MEGABYTE
"""Bytes of the write-ahead log above which something holds it back."""
MUCH_IDLE = 0.5
"""Share of the file that may hold nothing before it is worth writing anew."""
SLOW = 1_000_000
"""Microseconds that the machine's clock may lie behind the board's before it is worth a word."""

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `note` is worth knowing, `wrong` wants something done."""

    name: str
    state: State
    found: str
    advice: str = ""


def examine(board: Blackboard, deployment: Deployment | None = None) -> list[Finding]:
    """Look at a board that can be opened.

    Args:
        deployment: what the deployment file says, to hold what is in force against; None if there is none.

    Raises:
        StoreError: it cannot be read.
    """
    health = measure(board.database)
    findings = list(_of_the_store(health, board))
    for look in (_clock, _paused, _workers, _leases, _stuck, _waiting_for_a_person, _backfills):
        findings += board.read(_bound(look, board))
    findings += board.read(lambda txn: list(_drift(txn, deployment)))
    return findings


def _bound(
    look: Callable[[BoardTransaction, Blackboard], Iterator[Finding]], board: Blackboard
) -> Callable[[BoardTransaction], list[Finding]]:
    return lambda txn: list(look(txn, board))


def _of_the_store(health: Health, board: Blackboard) -> Iterator[Finding]:
    engine = f"{health.engine} {health.version}".strip()
    advice = "" if health.safe else "use SQLite 3.51.3 or later (the package pysqlite3 brings one)"
    yield _judge("engine", health.safe, engine, advice)
    version = revision_of(board.database)
    yield _judge("schema", version == HEAD, f"{version}", f"'blackboard init' upgrades it to {HEAD}")
    if health.bytes is None or health.journal_mode is None:
        return
    yield _judge(
        "journal mode", health.journal_mode == "wal", health.journal_mode,
        "'blackboard init' sets it; until then readers and writers wait for each other",
    )  # fmt: skip
    found = "; ".join(health.damage) or "every page is whole"
    yield _judge("pages", not health.damage, found, "'blackboard restore FILE' puts a backup in its place")
    free, size, log = health.free_bytes or 0, health.bytes, health.log_bytes or 0
    room = free >= max(LEAST_ROOM, size // 10)
    yield _judge("disk", room, f"{_size(free)} free, the board takes {_size(size)}", "make room on this disk")
    yield _judge(
        "write-ahead log", log <= LARGEST_LOG, _size(log),
        "something reads without end, so that the log cannot be emptied: end the reader, then start the daemon",
    )  # fmt: skip
    idle = health.idle_bytes or 0
    if size > 16 * MEGABYTE and idle > MUCH_IDLE * size:
        yield Finding(
            "file", "note", f"{_size(idle)} of {_size(size)} hold nothing", "they are used again as marks come"
        )
    path = board.database.path
    others = list(health.open_to_others)
    if path is not None:
        others += [item for item in open_to_others([BoardFiles(path).run_folder]) if item not in others]
    names = ", ".join(map(str, others))
    yield _judge("permissions", not others, names or "this user's alone", "chmod go= each of them")


def _clock(txn: BoardTransaction, board: Blackboard) -> Iterator[Finding]:
    clock = board.clock.now()
    if txn.doubted is not None:
        yield Finding(
            "clock", "wrong", f"it says {iso(clock)}; the board's last record is of {iso(txn.now)}",
            "if it is right, 'blackboard resume'; otherwise set the machine's clock",
        )  # fmt: skip
    elif txn.now - clock > SLOW:
        yield Finding(
            "clock", "note", f"it is {format_duration(txn.now - clock)} behind the board's time",
            "strengths stand still until it has caught up",
        )  # fmt: skip
    else:
        yield Finding("clock", "ok", f"{iso(clock)}")


def _paused(txn: BoardTransaction, board: Blackboard) -> Iterator[Finding]:
    row = txn.tx.one(ACTIVATIONS.board)
    if row[5]:
        yield Finding("pause", "wrong", f"the board is paused: {row[6] or 'no reason given'}", "'blackboard resume'")
    for agent, paused, because, cooldown_until, failures in txn.tx.all(ACTIVATIONS.agent_states):
        if paused:
            reason = because or "no reason given"
            yield Finding("pause", "note", f"{agent} is paused: {reason}", f"'blackboard resume {agent}'")
        elif failures and cooldown_until is not None and cooldown_until > txn.now:
            yield Finding(
                "failures", "wrong", f"{agent} failed {failures} times in a row and rests until {iso(cooldown_until)}",
                f"'blackboard activations --agent {agent}' shows the errors",
            )  # fmt: skip


def _workers(txn: BoardTransaction, board: Blackboard) -> Iterator[Finding]:
    rows = txn.tx.all(ACTIVATIONS.workers)
    alive = living(board.database.path, [row[0] for row in rows])
    dead = [row[0] for row in rows if alive is not None and row[0] not in alive]
    if dead:
        yield Finding("workers", "wrong", f"died: {', '.join(dead)}", "start a daemon: it takes up what they left")
    elif rows:
        yield Finding("workers", "ok", f"{len(rows)} at work")
    else:
        yield Finding("workers", "note", "none: no agent is woken", "'blackboard run' starts one")


def _leases(txn: BoardTransaction, board: Blackboard) -> Iterator[Finding]:
    rows = [ActivationRow(*values) for values in txn.tx.all(ACTIVATIONS.running)]
    late = [row for row in rows if row.lease_until is not None and row.lease_until <= txn.now]
    ids = ", ".join(str(row.id) for row in late[:10])
    found = f"expired for activation {ids}" if late else f"{len(rows)} running"
    yield _judge("leases", not late, found, "start a daemon: it takes them up")


def _stuck(txn: BoardTransaction, board: Blackboard) -> Iterator[Finding]:
    for state, words in (
        (ActivationState.DEAD, "failed to the last attempt"),
        (ActivationState.QUARANTINED, "quarantined"),
        (ActivationState.HELD, "held back"),
    ):
        rows = [ActivationRow(*values) for values in txn.tx.all(ACTIVATIONS.in_state, state=state)]
        if rows:
            advice = f"'blackboard activations --state {state}' shows them; --retry ID or --discard ID ends it"
            yield Finding(
                f"{state} activations",
                "note" if state == ActivationState.HELD else "wrong",
                f"{len(rows)} {words}",
                advice,
            )
    if not txn.tx.all(ACTIVATIONS.in_state, state=ActivationState.DEAD):
        yield Finding("dead activations", "ok", "none")


def _waiting_for_a_person(txn: BoardTransaction, board: Blackboard) -> Iterator[Finding]:
    if count := len(inbox(txn)):
        yield Finding("inbox", "note", f"{count} questions wait for a person", "'blackboard inbox' lists them")


def _backfills(txn: BoardTransaction, board: Blackboard) -> Iterator[Finding]:
    if rows := txn.tx.all(CROSSINGS.backfills):
        found = f"marks still follow {len(rows)} changes of the deployment"
        yield Finding("follow-ups", "note", found, "a daemon, or the next 'blackboard init', goes on with it")


def _drift(txn: BoardTransaction, deployment: Deployment | None) -> Iterator[Finding]:
    if deployment is None:
        return
    # The board keeps kinds that its file no longer names, and brings two of its own.
    kinds = {**txn.deployment.kinds, **deployment.kinds}
    wanted = deployment.model_copy(update={"kinds": kinds}).with_kinds(
        {"need": Need.defaults, "decision": Decision.defaults}
    )
    same = wanted.content() == txn.deployment.content()
    found = f"version {txn.deployment.version} is in force" + ("" if same else "; the deployment file says otherwise")
    yield _judge(
        "deployment", same, found, "'blackboard check --against-board' shows what 'blackboard init' would change"
    )


def _judge(name: str, fine: bool, found: str, advice: str) -> Finding:
    return Finding(name, "ok", found) if fine else Finding(name, "wrong", found, advice)


def _size(count: int) -> str:
    return f"{count / MEGABYTE:.1f} MB"
