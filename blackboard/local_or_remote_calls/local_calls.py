"""The calls on a board of this machine that differ for a board behind a server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blackboard.board import Blackboard, known_classes
from blackboard.board.reading.tag_texts import read_filters, read_group
from blackboard.clock import Clock, microseconds_in
from blackboard.core.marks.tags import ReadTagValue
from blackboard.core.records.query_result_rows import QueryResult
from blackboard.core.records.states import ActivationState
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.durations import DurationLike
from blackboard.local_or_remote_calls.call_interface import FilePosition, KindLookup, LoadedFile, LocalOrRemoteCalls

if TYPE_CHECKING:
    from blackboard.board.result_types.work_results import ActivityRecord, AgendaItem
    from blackboard.presentation.json_shapes import Summary

ENTRIES_AT_ONCE = 1000
"""The most entries that are read in one transaction while the activity is followed."""


class LocalCalls(LocalOrRemoteCalls):
    """The calls on a board of this process."""

    def __init__(self, board: Blackboard) -> None:
        self._board = board

    @property
    def clock(self) -> Clock:
        return self._board.clock

    def reading_within(self, limit: DurationLike) -> AbstractContextManager[None]:
        return self._board.reads_within(limit)

    def listen(self, wake: Callable[[], None], tick_seconds: float) -> AbstractContextManager[float]:
        return self._board.listen(wake)

    def summary(self, describe_model: Callable[[], str]) -> Summary:
        from blackboard.presentation.json_shapes import summary  # only `status` needs it

        return summary(self._board.status(), self._board.location, describe_model())

    def query(self, sql: str, *, limit: int, seconds: float) -> QueryResult:
        from blackboard.board import user_queries  # only queries need it

        return user_queries.run_query(self._board, sql, limit=limit, seconds=seconds)

    def kinds(self) -> dict[str, KindSpec]:
        return dict(self._board.deployment.kinds)

    def agents(self) -> list[str]:
        return [*self._board.deployment.agents]

    def remote_agents(self) -> list[str]:
        return [agent_spec.name for agent_spec in self._board.deployment.agents.values() if agent_spec.remote]

    def tag_values(self, tag: str, kind: str | None, limit: int) -> list[Any]:
        return [*self._board.tag_values(tag, kind=kind, limit=limit)]

    def filters(self, kind: str | None, pairs: Iterable[str]) -> Mapping[str, Sequence[ReadTagValue]]:
        return read_filters(self._board.deployment, kind, pairs)

    def group_values(self, agent: str, text: str) -> Sequence[ReadTagValue]:
        return read_group(self._board.deployment, agent, text)

    def agenda_of(self, agent: str) -> list[AgendaItem]:
        from blackboard.board import page_readings  # only a channel needs it

        return page_readings.agenda_of(self._board, agent)

    def is_claimed(self, activation_id: int, agent: str | None) -> bool:
        return self._board.activation(activation_id).activation.state == ActivationState.RUNNING

    def later_activity(self, after: int, report_gap: Callable[[], None]) -> Iterator[ActivityRecord]:
        heard, last = threading.Event(), after
        with self._board.listen(heard.set, every_commit=True) as tick_seconds:
            while True:
                heard.clear()
                entries = self._board.activity(after=last, limit=ENTRIES_AT_ONCE)
                for entry in entries:
                    yield entry
                    last = entry.id
                if not entries:
                    self.clock.wait(heard, self.clock.now() + microseconds_in(tick_seconds))

    def kind_lookup(self) -> KindLookup:
        board, deployment = self._board, self._board.deployment
        return KindLookup(
            deployment,
            lambda kind: known_classes.load_class(board, kind),
            lambda kind, payload, subject: known_classes.stored_subject(board, kind, payload, subject, deployment),
        )

    def file_position(self, source: str, kind: str) -> FilePosition:
        from blackboard.board.deposited_files import read_positions  # only `load` needs it

        board, author = self._board, self._board.author
        return FilePosition(
            source,
            lambda: read_positions.read_position(board, source, author, kind),
            lambda position: read_positions.record_position(board, source, author, kind, position),
        )

    def loaded_file(self, path: Path, *, withdraws: bool) -> LoadedFile:
        from blackboard.board.deposited_files.loaded_files import source_of, withdraw_source

        source = source_of(path)
        withdraw = partial(withdraw_source, self._board, source, self._board.author)
        return LoadedFile(source, withdraw if withdraws else None)
