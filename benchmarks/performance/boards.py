"""Boards for measurements: kinds, agents that watch them, and marks inserted in bulk, a million in a minute."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from blackboard import Blackboard, Exponential, Linear, Mark, Never, Step, agent, count, total
from blackboard.board.transactions.stored_laws import law_key
from blackboard.core.agents.agent_definition import Agent
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.store.row_types.mark_row_types import EventRow, MarkRow
from blackboard.system.files.board_files import BoardFiles

__all__ = [
    "KINDS",
    "Beacon",
    "Fact",
    "Flash",
    "Ramp",
    "Trace",
    "deploy",
    "deployment",
    "fill",
    "filled",
    "insert_marks",
    "watchers",
]

DAY_MICROSECONDS = 86_400_000_000
ALL = 10**9
"""A threshold that every deposit tests and no deposit meets."""


class Trace(Mark, kind="trace", decay=Exponential("7d"), on_repeat="add"):
    """The marks that fill a board."""

    detail: str = ""


class Ramp(Mark, kind="ramp", decay=Linear("90d"), on_repeat="add"):
    detail: str = ""


class Beacon(Mark, kind="beacon", decay=Step("90d"), on_repeat="add"):
    detail: str = ""


class Fact(Mark, kind="fact", decay=Never(), on_repeat="add"):
    detail: str = ""


class Flash(Mark, kind="flash", decay=Step("1h"), on_repeat="add"):
    """Marks that evaporate at the same time."""

    detail: str = ""


class Done(Mark, kind="done", decay=Exponential("7d"), on_repeat="separate"):
    detail: str = ""


KINDS: tuple[type[Mark], ...] = (Trace, Ramp, Beacon, Fact, Flash, Done)


def deployment(*agents: Agent) -> Deployment:
    """Return a deployment of the kinds of these boards and some agents."""
    return Deployment(
        kinds={kind.kind: KindSpec.of(kind.defaults) for kind in KINDS},
        agents={item.name: item.spec for item in agents},
    )


def deploy(board: Blackboard, *agents: Agent) -> None:
    """Deploy the kinds and agents."""
    board.deploy(deployment(*agents))


def watchers(kind: type[Mark] = Trace) -> tuple[Agent, Agent]:
    """Return two agents that watch a kind per subject and over the board. They never wake."""

    @agent(watches=total(kind) >= ALL, name=f"near_{kind.kind}")
    def near(marks: list[Mark], context: Any) -> None:
        raise AssertionError("its threshold is out of reach")

    @agent(watches=total(kind, over="board") >= ALL, name=f"far_{kind.kind}")
    def far(marks: list[Mark], context: Any) -> None:
        raise AssertionError("its threshold is out of reach")

    return near, far


def crowd(size: int) -> list[Agent]:
    """Return agents with one condition each, over a subject or over the board, of alternating kinds."""
    result = []
    for number in range(size):
        kind = KINDS[number % 4]
        measure = (total, count)[number % 2](kind, over="board" if number % 8 == 0 else "subject")
        result.append(agent(watches=measure >= ALL, name=f"agent_{number}")(lambda marks, context: None))
    return result


def subjects(count: int, salt: int = 0) -> Iterator[str]:
    """Yield subjects in a scattered order, so that each deposit writes to other pages."""
    for number in range(count):
        yield f"s/{(number + salt) * 2654435761 % 2**32:08x}"


def rows(
    kind: type[Mark], count: int, first: int, now: int, ends: int | None = None
) -> Iterator[tuple[MarkRow, EventRow]]:
    """Yield marks deposited during the past day, each with its event.

    Args:
        kind: The kind.
        count: The number of marks.
        first: The first id.
        now: The current instant.
        ends: The instant at which all marks evaporate; None for the kind's decay law.
    """
    rng = random.Random(count)
    law, key = kind.defaults.decay, law_key(kind.defaults.decay)
    for number, subject in enumerate(subjects(count)):
        id_, intensity = first + number, 0.5 + rng.random()
        at = now - DAY_MICROSECONDS + DAY_MICROSECONDS * number // count
        life = kind.defaults.life(law, intensity)
        end = ends if ends is not None else None if life is None else at + life
        yield (
            MarkRow(
                id_, kind.kind, subject, '{"detail":"as laid"}', "person:bench", intensity, key, at, id_, at, at, 0,
                end, law.order_key(intensity, at),
            ),
            EventRow(
                id_, at, id_, kind.kind, subject, "deposited", intensity, key, end, "person:bench", None,
                '{"detail":"as laid"}',
            ),
        )  # fmt: skip


def insert_marks(board: Blackboard, kind: type[Mark], count: int, ends: int | None = None) -> None:
    """Insert marks of a kind in bulk, without `deposit`. Watches must be deployed afterwards."""
    first, now = board.session.read(lambda txn: (txn.last_event_id + 1, txn.now))
    for batch in _batches(rows(kind, count, first, now, ends), 50_000):

        def work(txn: Any, batch: list[tuple[MarkRow, EventRow]] = batch) -> None:
            insert = txn.sql.dialect.insert_rows
            insert(txn.sql.cursor, "event", EventRow._fields, [event for _, event in batch])
            insert(txn.sql.cursor, "mark", MarkRow._fields, [mark for mark, _ in batch])

        board.session.write(work)


def fill(board: Blackboard, size: int) -> None:
    """Deploy the kinds, insert `size` traces and a tenth as many marks of three other kinds, and let agents watch."""
    deploy(board)
    insert_marks(board, Trace, size)
    for kind in (Ramp, Beacon, Fact):
        insert_marks(board, kind, max(1, size // 10))
    deploy(board, *watchers())


def filled(folder: Path, size: int) -> Path:
    """Return a board of `size` traces and a tenth as many marks of three other kinds, created once and reused."""
    made = folder / f"filled-{size}.db"
    if not made.exists():
        building = folder / f"building-{size}.db"
        _remove(building)  # an interrupted run may have created it
        with Blackboard.open(f"sqlite:///{building}", kinds=KINDS) as board:
            fill(board, size)
            board.database.checkpoint()
        building.rename(made)
    return made


def copy(folder: Path, size: int, name: str) -> Path:
    """Return a copy of a filled board for writing."""
    path = folder / f"{name}-{size}.db"
    _remove(path)
    shutil.copyfile(filled(folder, size), path)
    return path


def _remove(path: Path) -> None:
    for file in BoardFiles(path).of_sqlite:
        file.unlink(missing_ok=True)


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
