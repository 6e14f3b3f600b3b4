"""The calls of `LocalOrRemoteCalls`, on a board behind a server."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blackboard.board.reading.tag_texts import split_filters
from blackboard.board.result_types.work_results import ActivityRecord
from blackboard.clock import Clock, SystemClock
from blackboard.core.marks.mark_checks import normalize_subject
from blackboard.core.marks.tags import ReadTagValue
from blackboard.core.records.query_result_rows import QueryResult
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.durations import DurationLike
from blackboard.local_or_remote_calls.call_interface import FilePosition, KindLookup, LocalOrRemoteCalls
from blackboard.presentation.json_shapes import Summary, spec_of

if TYPE_CHECKING:
    from blackboard.board.result_types.work_results import AgendaItem
    from blackboard.client import Client


class RemoteCalls(LocalOrRemoteCalls):
    """The calls on a board behind a server."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def clock(self) -> Clock:
        return SystemClock()

    def reading_within(self, limit: DurationLike) -> AbstractContextManager[None]:
        return nullcontext()

    def listen(self, wake: Callable[[], None], tick_seconds: float) -> AbstractContextManager[float]:
        return nullcontext(tick_seconds)

    def summary(self, describe_model: Callable[[], str]) -> Summary:
        return self._client.summary()

    def query(self, sql: str, *, limit: int, seconds: float) -> QueryResult:
        table = self._client.query_table(sql, limit=limit, timeout=timedelta(seconds=seconds))
        return QueryResult(tuple(table.columns), [[*row] for row in table.rows], table.has_more)

    def kinds(self) -> dict[str, KindSpec]:
        return {shape.name: spec_of(shape) for shape in self._client.kinds()}

    def agents(self) -> list[str]:
        return [row.agent for row in self._client.agents()]

    def remote_agents(self) -> list[str]:
        return []

    def tag_values(self, tag: str, kind: str | None, limit: int) -> list[Any]:
        return []

    def filters(self, kind: str | None, pairs: Iterable[str]) -> Mapping[str, Sequence[ReadTagValue]]:
        return split_filters(pairs)

    def group_values(self, agent: str, text: str) -> Sequence[ReadTagValue]:
        return [text]

    def agenda_of(self, agent: str) -> list[AgendaItem]:
        return [item for item in self._client.agenda() if item.agent == agent]

    def is_claimed(self, activation_id: int, agent: str | None) -> bool:
        # A refusal by the server already says so if the activation is not claimed. `agent` is None if nothing was sent.
        return agent is not None

    def later_activity(self, after: int, report_gap: Callable[[], None]) -> Iterator[ActivityRecord]:
        for event in self._client.events(streams="activity", after=f"0-{after}"):
            if event.name == "reset":
                report_gap()
            elif isinstance(event.record, ActivityRecord):
                yield event.record

    def kind_lookup(self) -> KindLookup:
        return KindLookup(
            Deployment(kinds=self.kinds()),
            lambda kind: None,
            lambda kind, payload, subject: normalize_subject(subject),
        )

    def file_position(self, source: str, kind: str) -> FilePosition:
        source = hashlib.sha256(f"{platform.node()}/{source}".encode()).hexdigest()[:32]
        return FilePosition(
            source,
            lambda: self._client.read_position(source, kind),
            lambda position: self._client.set_read_position(source, kind, position),
        )

    def loaded_file(self, path: Path, *, withdraws: bool) -> None:
        return None
