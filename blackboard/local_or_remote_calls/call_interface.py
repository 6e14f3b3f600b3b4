"""The calls of commands and tools that differ between a board on this machine and one behind a server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blackboard.clock import Clock
from blackboard.core.marks.tags import ReadTagValue
from blackboard.core.records.query_result_rows import QueryResult
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.durations import DurationLike

if TYPE_CHECKING:
    from blackboard.board.deposited_files.loaded_files import SourceWithdrawal
    from blackboard.board.deposited_files.read_positions import ReadPosition
    from blackboard.board.result_types.work_results import ActivityRecord, AgendaItem
    from blackboard.presentation.json_shapes import Summary


@dataclass(frozen=True)
class KindLookup:
    """The present kinds of a board, by which the rows of a file become marks."""

    deployment: Deployment
    """The deployment; of a board behind a server, only its kinds."""
    load: Callable[[str], None]
    """Loads the class of a kind by the name of the kind, if there is a class."""
    stored_subject: Callable[[str, Mapping[str, Any], str], str]
    """Returns the subject that the board would store for a kind, a payload and a subject.

    The class of a kind may change the subject, but a server does not say how.
    """


@dataclass(frozen=True)
class LoadedFile:
    """A file from which marks are loaded, as the board remembers it."""

    source: str
    """The name of the file on the board."""
    withdraw: Callable[[], SourceWithdrawal] | None
    """Withdraws the marks of earlier loads, before the first new mark; None to keep them."""


@dataclass(frozen=True)
class FilePosition:
    """The place where the position in a followed file is kept."""

    source: str
    """The name of the file. The keys of its rows are made from it."""
    load: Callable[[], ReadPosition | None]
    """Returns the position; None if the file was never followed."""
    save: Callable[[ReadPosition], object]
    """Records the position."""


class LocalOrRemoteCalls(ABC):
    """The calls on one board that depend on where it is."""

    @property
    @abstractmethod
    def clock(self) -> Clock:
        """The clock by which a caller waits between two reads of the board."""

    @abstractmethod
    def reading_within(self, limit: DurationLike) -> AbstractContextManager[None]:
        """Return a context that limits the time of the reads in it. A server limits the reads of its clients itself."""

    @abstractmethod
    def listen(self, wake: Callable[[], None], tick_seconds: float) -> AbstractContextManager[float]:
        """Return a context that calls `wake` after each commit that may wake an agent.

        A server does not report commits to its clients. The context gives the number of seconds after which the caller
        should read the board in any case. For a server, this is `tick_seconds`.
        """

    @abstractmethod
    def summary(self, describe_model: Callable[[], str]) -> Summary:
        """Return the state of the board in the shape of JSON. A server describes its own model."""

    @abstractmethod
    def query(self, sql: str, *, limit: int, seconds: float) -> QueryResult:
        """Run one SELECT over the views, and return at most `limit` rows.

        Raises:
            InvalidQuery: The SQL is invalid, or it writes.
            QueryStopped: The query took more than `seconds`, or too much memory.
        """

    # -- names -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def kinds(self) -> dict[str, KindSpec]:
        """Return the kinds of the board by their names."""

    @abstractmethod
    def agents(self) -> list[str]:
        """Return the names of the agents of the board."""

    @abstractmethod
    def remote_agents(self) -> list[str]:
        """Return the names of the remote agents of the board; none for a server, which does not list them."""

    @abstractmethod
    def tag_values(self, tag: str, kind: str | None, limit: int) -> list[Any]:
        """Return the values that live marks have in a tag; none for a server, which does not list them."""

    @abstractmethod
    def filters(self, kind: str | None, pairs: Iterable[str]) -> Mapping[str, Sequence[ReadTagValue]]:
        """Return the values that tags must have, from texts such as NAME=VALUE. A server reads their texts itself.

        Raises:
            UnknownName: There is no such kind, or it has no such tag.
            UsageError: A text is not of the form name=value, or is not a possible value of the tag.
        """

    @abstractmethod
    def group_values(self, agent: str, text: str) -> Sequence[ReadTagValue]:
        """Return the values of a group that a text names, by the tags that an agent's watches group by.

        A server reads the text itself.

        Raises:
            UnknownName: There is no such agent.
            UsageError: The text is no possible value of a tag.
        """

    # -- work --------------------------------------------------------------------------------------------------------

    @abstractmethod
    def agenda_of(self, agent: str) -> list[AgendaItem]:
        """Return all crossings of an agent that wait, even if many crossings of other agents are stronger."""

    @abstractmethod
    def is_claimed(self, activation_id: int, agent: str | None) -> bool:
        """Return whether an activation whose result was refused is still claimed."""

    @abstractmethod
    def later_activity(self, after: int, report_gap: Callable[[], None]) -> Iterator[ActivityRecord]:
        """Yield the entries of the activity after an id, and then each new one as it happens.

        Args:
            after: The id of an entry; 0 begins with the oldest one.
            report_gap: Called if a server no longer has the entries that come next.
        """

    # -- files whose rows are deposited ------------------------------------------------------------------------------

    @abstractmethod
    def kind_lookup(self) -> KindLookup:
        """Return the kinds of the board as they are now."""

    @abstractmethod
    def file_position(self, source: str, kind: str) -> FilePosition:
        """Return where the position in a file is kept. For a server, the machine is part of the file's name."""

    @abstractmethod
    def loaded_file(self, path: Path, *, withdraws: bool) -> LoadedFile | None:
        """Return a file that is to be loaded, as the board remembers it; None for a server.

        A board remembers a file by its path, and the path of another machine would name another file.

        Args:
            path: The path of the file.
            withdraws: Whether the marks of earlier loads are withdrawn.
        """
