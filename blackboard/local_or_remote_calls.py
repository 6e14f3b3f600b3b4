"""The operations of commands and tools that differ between a board on this machine and one behind a server.

All other code uses what `Blackboard` and `Client` have in common, and does not ask which of the two it has.
"""

from __future__ import annotations

import hashlib
import platform
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from blackboard.board import Blackboard
from blackboard.board.loaded_files import ReadPosition, SourceWithdrawal
from blackboard.board.reading.tag_texts import read_filters, read_group, split_filters
from blackboard.clock import Clock, SystemClock, microseconds_in
from blackboard.core.marks.mark_model import normalize_subject
from blackboard.core.records.query_result_rows import QueryResult
from blackboard.core.records.states import ActivationState
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.presentation.json_shapes import Summary, spec_of, summary

if TYPE_CHECKING:
    from blackboard.board.result_types import ActivityRecord, AgendaItem
    from blackboard.client import Client

ENTRIES_AT_ONCE = 1000
"""The most entries that are read at once while the activity is followed."""


def clock_of(board: Blackboard | Client) -> Clock:
    """Return the clock that waits beside a board."""
    return board.clock if isinstance(board, Blackboard) else SystemClock()


def reading_within(board: Blackboard | Client, time: str) -> AbstractContextManager[None]:
    """Return a context that limits the time of its reads. A server limits the reads of its clients itself."""
    return board.reads_within(time) if isinstance(board, Blackboard) else nullcontext()


def listen(board: Blackboard | Client, wake: Callable[[], None], tick: float) -> AbstractContextManager[float]:
    """Call `wake` in the context after each commit that may wake an agent. A server does not tell its clients.

    The context gives the number of seconds after which the caller should read the board in any case: `tick` for a
    server.
    """
    return board.listen(wake) if isinstance(board, Blackboard) else nullcontext(tick)


def summary_of(board: Blackboard | Client, describe_model: Callable[[], str]) -> Summary:
    """Return the state of a board in the shape of JSON. A server describes its own model."""
    if isinstance(board, Blackboard):
        return summary(board.status(), board.database.where, describe_model())
    return board.summary()


def query(board: Blackboard | Client, sql: str, *, limit: int, seconds: float) -> QueryResult:
    """Run one SELECT over the views, and return at most `limit` rows.

    Raises:
        InvalidQuery: The SQL is invalid, or it writes.
        QueryStopped: The query took more than `seconds`, or too much memory.
    """
    from blackboard.board import administration

    if isinstance(board, Blackboard):
        return administration.run_query(board, sql, limit=limit, seconds=seconds)
    table = board.query_table(sql, limit=limit, timeout=timedelta(seconds=seconds))
    return QueryResult(tuple(table.columns), [[*row] for row in table.rows], table.has_more)


# -- names -------------------------------------------------------------------------------------------------------------


def kinds_of(board: Blackboard | Client) -> dict[str, KindSpec]:
    """Return the kinds of a board by their names."""
    if isinstance(board, Blackboard):
        return dict(board.deployment.kinds)
    return {shape.name: spec_of(shape) for shape in board.kinds()}


def agents_of(board: Blackboard | Client) -> list[str]:
    """Return the names of the agents of a board."""
    return [*board.deployment.agents] if isinstance(board, Blackboard) else [row.agent for row in board.agents()]


def remote_agents_of(board: Blackboard | Client) -> list[str]:
    """Return the names of the remote agents of a board; none for a server, which does not list them."""
    agents = board.deployment.agents.values() if isinstance(board, Blackboard) else ()
    return [agent.name for agent in agents if agent.remote]


def tag_values(board: Blackboard | Client, tag: str, kind: str | None, limit: int) -> list[Any]:
    """Return the values that live marks have in a tag; none for a server, which does not list them."""
    return [*board.tag_values(tag, kind=kind, limit=limit)] if isinstance(board, Blackboard) else []


def filters_of(board: Blackboard | Client, kind: str | None, pairs: Iterable[str]) -> Mapping[str, list[Any]]:
    """Return the values that tags must have, from texts such as NAME=VALUE. A server reads their texts itself.

    Raises:
        UnknownName: There is no such kind, or it has no such tag.
        UsageError: A text is not of the form name=value, or is not a possible value of the tag.
    """
    return read_filters(board.deployment, kind, pairs) if isinstance(board, Blackboard) else split_filters(pairs)


def group_values(board: Blackboard | Client, agent: str, text: str) -> list[Any]:
    """Return the values that a text means for the tags by which an agent's watches group. A server reads it itself.

    Raises:
        UnknownName: There is no such agent.
        UsageError: The text is no possible value of a tag.
    """
    return read_group(board.deployment, agent, text) if isinstance(board, Blackboard) else [text]


# -- work --------------------------------------------------------------------------------------------------------------


def agenda_of(board: Blackboard | Client, agent: str) -> list[AgendaItem]:
    """Return all crossings of an agent that wait, even if many crossings of other agents are stronger."""
    from blackboard.presentation import page_readings

    if isinstance(board, Blackboard):
        return page_readings.agenda_of(board, agent)
    return [item for item in board.agenda() if item.agent == agent]


def is_claimed(board: Blackboard | Client, activation_id: int, agent: str | None) -> bool:
    """Return whether an activation whose result was refused is still claimed."""
    if isinstance(board, Blackboard):
        return board.activation(activation_id).activation.state == ActivationState.RUNNING
    return agent is not None  # a server says otherwise by another error; without the agent, nothing was sent


def later_activity(board: Blackboard | Client, after: int, report_gap: Callable[[], None]) -> Iterator[ActivityRecord]:
    """Yield the entries of the activity after an id, and then each new one as it happens.

    Args:
        board: The board of this process, or the client of a server.
        after: The id of an entry; 0 begins with the oldest one.
        report_gap: Called if a server no longer has the entries that come next.
    """
    return _activity_of_board(board, after) if isinstance(board, Blackboard) else _of_server(board, after, report_gap)


def _activity_of_board(board: Blackboard, last: int) -> Iterator[ActivityRecord]:
    heard = threading.Event()
    with board.listen(heard.set, every_commit=True) as tick:
        while True:
            heard.clear()
            entries = board.activity(after=last, limit=ENTRIES_AT_ONCE)
            for entry in entries:
                yield entry
                last = entry.id
            if not entries:
                board.clock.wait(heard, board.clock.now() + microseconds_in(tick))


def _of_server(client: Client, last: int, report_gap: Callable[[], None]) -> Iterator[ActivityRecord]:
    for event in client.events(streams="activity", after=f"0-{last}"):
        if event.name == "reset":
            report_gap()
        elif event.name == "activity":
            yield event.record  # type: ignore[misc]


# -- files whose rows are deposited ------------------------------------------------------------------------------------


class KindLookup:
    """The kinds of a board as they are now: they say how rows become marks."""

    def __init__(self, board: Blackboard | Client) -> None:
        self._classes = board.classes if isinstance(board, Blackboard) else None
        self.deployment = board.deployment if isinstance(board, Blackboard) else Deployment(kinds=kinds_of(board))
        """The deployment; of a board behind a server, only its kinds."""

    def load(self, kind: str) -> None:
        """Look for the class of a kind that is given by its name."""
        if self._classes is not None:
            self._classes.load({kind})

    def stored_subject(self, kind: str, payload: Mapping[str, Any], subject: str) -> str:
        """Return a subject as it would be stored. A server does not say how the class of a kind changes it."""
        if self._classes is None:
            return normalize_subject(subject)
        return self._classes.stored_subject(kind, payload, subject, self.deployment)


@dataclass(frozen=True)
class FilePosition:
    """The place where the position in a followed file is kept."""

    source: str
    """The name of the file. The keys of its rows are made from it."""
    load: Callable[[], ReadPosition | None]
    """Returns the position; None if the file was never followed."""
    save: Callable[[ReadPosition], object]
    """Records it."""


def file_position(board: Blackboard | Client, source: str, kind: str) -> FilePosition:
    """Return where the position in a file is kept. For a server, the machine is part of the file's name."""
    from blackboard.board import loaded_files

    if isinstance(board, Blackboard):
        return FilePosition(
            source,
            lambda: loaded_files.read_position(board.session, source, board.author, kind),
            lambda position: loaded_files.record_position(board.session, source, board.author, kind, position),
        )
    source = hashlib.sha256(f"{platform.node()}/{source}".encode()).hexdigest()[:32]
    return FilePosition(
        source,
        lambda: board.read_position(source, kind),
        lambda position: board.set_read_position(source, kind, position),
    )


def source_withdrawal(board: Blackboard | Client, source: str) -> Callable[[], SourceWithdrawal] | None:
    """Return a function that withdraws what was deposited from a file; None for a server.

    A board remembers a file by its path, which is that of another machine for a server.
    """
    from blackboard.board.loaded_files import withdraw_source

    return partial(withdraw_source, board.session, source, board.author) if isinstance(board, Blackboard) else None
