"""The backfills that are planned: each has a task, and a kind or a watch, which its row stores in one text."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from blackboard.clock import Instant
from blackboard.store.row_types.deployment_row_types import BackfillRow
from blackboard.store.statements import CROSSINGS

if TYPE_CHECKING:
    from blackboard.board.transactions.board_transaction import BoardTransaction


class BackfillTask(StrEnum):
    """The task of a backfill."""

    KIND = "kind"
    """Let the marks of a kind follow its new law or floor."""
    WATCH = "watch"
    """Test a watch that is new or has changed."""
    VALUES = "values"
    """Test a watch whose marks have other strengths or ends."""
    WINDOW = "window"
    """Test a watch with a window on all subjects that have deposits in it, even if they have no live mark."""
    RETEST = "crossings"
    """Test again the waiting crossings of a changed watch."""


class BackfillTarget(NamedTuple):
    """A task, and its kind or watch."""

    task: BackfillTask
    watch_id: int = 0
    """The watch of all tasks but `KIND`."""
    kind: str = ""
    """The kind of the task `KIND`."""
    last_scope: str = ""
    """The last subject or group that the task has tested, if it goes through these. They are in alphabetical order."""
    former_kinds: tuple[str, ...] = ()
    """The kinds that the watch of the task `RETEST` measured before."""

    @classmethod
    def parse(cls, task: str, name: str) -> BackfillTarget:
        """Return the target of a backfill, from the texts of its row."""
        task = BackfillTask(task)
        if task == BackfillTask.KIND:
            return cls(task, kind=name)
        watch_id, _, rest = name.partition(" ")
        if task == BackfillTask.RETEST:
            return cls(task, int(watch_id), former_kinds=tuple(rest.split(" ")) if rest else ())
        return cls(task, int(watch_id), last_scope=rest)

    @property
    def name(self) -> str:
        """The text for the kind or the watch in the row of a backfill."""
        if self.task == BackfillTask.KIND:
            return self.kind
        if self.task == BackfillTask.WINDOW or self.last_scope:
            return f"{self.watch_id} {self.last_scope}"
        return " ".join([str(self.watch_id), *self.former_kinds])


def plan_backfill(txn: BoardTransaction, target: BackfillTarget) -> None:
    """Plan a backfill over the marks as they are now."""
    _insert(txn, target, txn.now, txn.last_event_id)


def continue_backfill(txn: BoardTransaction, row: BackfillRow, target: BackfillTarget) -> None:
    """Replace a backfill by its rest, which comes after the other backfills."""
    txn.sql.run(CROSSINGS.delete_backfill, id=row.id)
    _insert(txn, target, row.at, row.up_to)


def end_backfill(txn: BoardTransaction, row: BackfillRow) -> None:
    """Delete a backfill that is done. After the last one, empty the list of states that follow the change."""
    txn.sql.run(CROSSINGS.delete_backfill, id=row.id)
    if txn.sql.one(CROSSINGS.backfills) is None:
        txn.sql.run(CROSSINGS.delete_followed)


def _insert(txn: BoardTransaction, target: BackfillTarget, at: Instant, up_to: int) -> None:
    row = {"task": target.task, "name": target.name, "at": at, "up_to": up_to, "position": 0}
    txn.sql.run(CROSSINGS.insert_backfill, **row)
