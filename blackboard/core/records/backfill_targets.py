"""Targets of backfills: the task of a backfill, and its kind or its watch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BackfillTask(StrEnum):
    """The task of a backfill."""

    KIND = "kind"
    """Let the marks of a kind follow its new law or floor."""
    WATCH = "watch"
    """Test a watch that is new or has changed."""
    VALUES = "values"
    """Test a watch after the strengths or ends of its marks were changed."""
    WINDOW = "window"
    """Test a watch with a window on all subjects that have deposits in it, even if they have no live mark."""
    CROSSINGS = "crossings"
    """Test again the waiting crossings of a changed watch."""


@dataclass(frozen=True)
class BackfillTarget:
    """A task, and its kind or watch."""

    task: BackfillTask
    watch_id: int = 0
    """The watch of all tasks but `KIND`."""
    kind: str = ""
    """The kind of the task `KIND`."""
    last_scope: str = ""
    """The last subject or group that the task has tested, if it goes through these. They are in alphabetical order."""
    former_kinds: tuple[str, ...] = ()
    """The kinds that the watch of the task `CROSSINGS` measured before."""

    def __post_init__(self) -> None:
        has_misfit = (
            (self.task == BackfillTask.KIND) != bool(self.kind)
            or (self.kind and self.watch_id)
            or (self.last_scope and self.task in (BackfillTask.KIND, BackfillTask.CROSSINGS))
            or (self.former_kinds and self.task != BackfillTask.CROSSINGS)
        )
        if has_misfit:
            raise ValueError(f"a field of {self} belongs to another task")

    @classmethod
    def parse(cls, task: str, name: str) -> BackfillTarget:
        """Return the target of a backfill, from the texts of its row."""
        task = BackfillTask(task)
        if task == BackfillTask.KIND:
            return cls(task, kind=name)
        watch_id, _, rest = name.partition(" ")
        if task == BackfillTask.CROSSINGS:
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
