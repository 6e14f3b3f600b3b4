"""The facade `Blackboard`, which has every operation of a program on a board.

It is one class in one file: it holds no rule, and most of its lines are the documentation of its methods. Each method
calls the module that does the work.
"""

from __future__ import annotations

import getpass
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeVar, overload

from pydantic import JsonValue

from blackboard.board import access_tokens, remote_work
from blackboard.board.activations.call_handling import model_pauses
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.run_ends.activation_results import Failure
from blackboard.board.board_session import BoardSession
from blackboard.board.deployment_changes.declarations import AgentDeclaration
from blackboard.board.deployments import deployer, deployment_preview
from blackboard.board.deployments.deployment_preview import Preview
from blackboard.board.housekeeping import erasure, file_compaction
from blackboard.board.loads import deposit_batches
from blackboard.board.mark_classes.mark_class_registry import MarkClasses
from blackboard.board.mark_storage import departures, reinforcements, submissions
from blackboard.board.mark_storage.deposit_requests import Deposit, DepositRequest, deposit_options, deposited_item
from blackboard.board.mark_storage.submissions import check_signature
from blackboard.board.messages import outbox_messages
from blackboard.board.people import early_wakes, failed_activations, inbox, pauses
from blackboard.board.reading import (
    board_figures,
    board_status,
    event_streams,
    mark_queries,
    search,
    waking_explanation,
    work_queries,
)
from blackboard.board.reading.activation_details import activation_details
from blackboard.board.reading.board_figures import BoardFigures, FiguresPosition
from blackboard.board.reading.search import Question
from blackboard.board.remote_results import ModelUsage, RemoteResult
from blackboard.board.result_types import (
    AccessToken,
    ActivationDetails,
    ActivationRecord,
    ActivityRecord,
    AgendaItem,
    AgentStatus,
    BoardStatus,
    CompactionReport,
    CostRow,
    DeploymentRecord,
    DeployResult,
    EarlyWake,
    ErasureReport,
    Explanation,
    MarkEvent,
    MarkPosition,
    MarkRecord,
    NeedRecord,
    OutboxMessage,
    Receipt,
    RemoteActivation,
    RunState,
    ScheduleRecord,
    SearchResult,
    StreamEvent,
    StreamPosition,
)
from blackboard.board.result_types.result_rows import optional_datetime
from blackboard.board.transactions import activity_log
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.clock import Clock, SystemClock, When, instant_of, seconds_in, to_datetime
from blackboard.core.access_scopes import Scopes
from blackboard.core.activity_events import ActivityEvent
from blackboard.core.authors import check_author
from blackboard.core.deployment import Deployment
from blackboard.core.marks.decay import Decay
from blackboard.core.marks.full_text import Match
from blackboard.core.marks.mark_model import Mark, check_if_event, normalize_subject, unreadable_text
from blackboard.core.marks.tags import TagChoice, Where
from blackboard.core.micro_dollars import check_cost, from_usd
from blackboard.durations import DurationLike, parse_duration
from blackboard.errors import (
    StoreBusy,
    UnreadableMark,
    UnreadableMarksWarning,
    UsageError,
)
from blackboard.store.database import Database
from blackboard.store.schema import SchemaChange

if TYPE_CHECKING:
    from blackboard.core.program_queries import Parameters, Row
    from blackboard.store.readonly.readonly_access import Engine

MAX_REASON_CHARACTERS = 20_000
"""The longest part of the reason of a failure that is stored."""

T = TypeVar("T")
M = TypeVar("M", bound=Mark)


class Blackboard:
    """A board of marks that fade, and of the agents that strong marks wake.

    A board is thread-safe. Its methods are synchronous: when a method returns, its work is done and its change is
    durable. A board holds connections and files until it is closed; a `with` statement closes it at its end.

    Attributes:
        author: The name that signs the deposits of this handle.
        session: The transactions of the board, for the daemon and for tests.
        database: The database behind the board.
        clock: The source of time.
        schema_change: The change of the schema when the board was opened; None if there was none.
    """

    def __init__(self, session: BoardSession, author: str) -> None:
        self.session, self.author = session, author
        self.database, self.clock = session.database, session.clock
        self.schema_change: SchemaChange | None = session.schema_change

    @classmethod
    def open(
        cls,
        url_or_path: str | Path = "sqlite:///board.db",
        *,
        author: str | None = None,
        clock: Clock | None = None,
        kinds: Iterable[type[Mark]] = (),
        create: bool | None = None,
        upgrade: bool | None = None,
        leap: DurationLike | None = "365d",
        mode: int | None = None,
        writes: bool = True,
        prepare: bool = True,
        direct_url: str | None = None,
    ) -> Self:
        """Open a board.

        Args:
            url_or_path: An SQLAlchemy URL such as `sqlite:///board.db`, or the path of an SQLite file.
            author: The name that signs every deposit; by default `person:` and the user's name.
            clock: The source of time; by default the machine's clock, or that of the server.
            kinds: Mark classes to make known to this process. A deposit makes its own class known.
            create: Whether to create the board if there is none; by default true for SQLite and false for a server.
            upgrade: Whether to upgrade a board of an older version; by default the same as `create`.
            leap: The largest jump of the clock ahead of the last record that is accepted; None accepts any.
            mode: The permissions of the board's files, such as 0o660 to share them with a group. With None, a new board
                is private, and an existing board keeps its permissions.
            writes: Whether the board must be writable. With False, a board on a read-only mount can be opened.
            prepare: Whether a server may keep statements and settings for a connection. Set it to False behind a pooler
                that gives each transaction another connection, such as PgBouncer in its transaction mode.
            direct_url: The URL at which the server itself is reached, for notifications, if `url_or_path` names a
                pooler.

        Raises:
            ConfigurationError: The URL cannot be used.
            InvalidDuration: `leap` is not a duration.
            InvalidMark: A class in `kinds` would lose a value of its marks.
            InvalidAuthor: `author` is blank, too long, or reserved for the board itself.
            StoreMissing: There is no board, and none may be created.
            StoreError: The database cannot be opened, is foreign or damaged, or was written by a newer version; or it
                must be upgraded, and a living worker prevents that.

        Warns:
            ForeignFilesWarning: Another user made the database, its log or its locks.
        """
        author = check_author(f"person:{_user()}" if author is None else author)
        session = BoardSession.open(
            Database(url_or_path, mode, prepare=prepare, direct_url=direct_url),
            clock or SystemClock(),
            MarkClasses(kinds),
            None if leap is None else parse_duration(leap),
            create=create,
            upgrade=upgrade,
            writes=writes,
        )
        return cls(session, author)

    def as_author(self, name: str) -> Blackboard:
        """Return a handle on the same board that deposits in another name.

        The handles share their connections; closing one of them closes all.

        Args:
            name: The name that signs the deposits of the handle.

        Raises:
            InvalidAuthor: The name is blank, too long, or reserved for the board itself.
        """
        return Blackboard(self.session, check_author(name))

    def close(self) -> None:
        """Close the connections."""
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Blackboard({self.database.where!r}, author={self.author!r})"

    def now(self) -> datetime:
        """Return the board's time: the latest of the clock, the last recorded time, and the last time used here."""
        return to_datetime(self.session.now())

    @property
    def board_id(self) -> str:
        """The id of this board, which no other board has. It stays the same when the database is moved."""
        return self.session.read(lambda txn: txn.board_id)

    @property
    def deployment(self) -> Deployment:
        """The active deployment."""
        return self.session.read(lambda txn: txn.deployment)

    def subscribe(self, callback: Callable[[], None], *, every_commit: bool = False) -> Callable[[], None]:
        """Call `callback` after each commit of this process that may wake an agent.

        Args:
            callback: A function without arguments. The thread that commits calls it.
            every_commit: Call it after every other commit too.

        Returns:
            A function that unsubscribes.

        Raises:
            TypeError: The callback is a coroutine function, which nothing would await.
        """
        return self.session.subscribe(callback, every_commit=every_commit)

    # -- deposits -----------------------------------------------------------------------------------------------------

    @overload
    def deposit(
        self,
        mark: Mark,
        /,
        *,
        intensity: float | None = ...,
        key: str | None = ...,
        decay: Decay | str | None = ...,
        until: When | None = ...,
        occurred_at: When | None = ...,
        if_event: int | None = ...,
    ) -> Receipt: ...
    @overload
    def deposit(
        self,
        mark: str,
        /,
        *,
        subject: str,
        payload: Mapping[str, JsonValue] | None = ...,
        intensity: float | None = ...,
        key: str | None = ...,
        decay: Decay | str | None = ...,
        until: When | None = ...,
        occurred_at: When | None = ...,
        if_event: int | None = ...,
    ) -> Receipt: ...
    def deposit(
        self,
        mark: Mark | str,
        /,
        *,
        subject: str = "",
        payload: Mapping[str, JsonValue] | None = None,
        intensity: float | None = None,
        key: str | None = None,
        decay: Decay | str | None = None,
        until: When | None = None,
        occurred_at: When | None = None,
        if_event: int | None = None,
    ) -> Receipt:
        """Deposit a mark. A kind that is new to the board is registered as its class declares it.

        Args:
            mark: A mark, such as `Smoke(subject="kitchen", detail="thin")`, or the name of a kind.
            subject: The subject of the mark, if `mark` is the name of a kind.
            payload: The payload, if `mark` is the name of a kind.
            intensity: At least 0; by default the mark's own, which is 1 unless it says otherwise. The board multiplies
                it by its trust in the author.
            key: An idempotency key of this author and kind. The same request again returns the first receipt and
                changes nothing, even if the board has changed since.
            decay: A decay law for this mark only. Without one, a new mark fades by the law of its kind, and a deposit
                that joins a live mark keeps the law of that mark.
            until: The mark keeps its full strength until this time and then evaporates; instead of `decay`.
            occurred_at: When it occurred; by default now. The mark fades from then on. A time ahead of the board's
                counts as now, up to the deployment's `max_skew`.
            if_event: Deposit it only if the live mark that it joins is still at this event, such as `mark.event_id` of
                a mark that was read; 0 if there must be no such mark.

        Raises:
            UnknownName: The kind is not registered, and this process does not know its class.
            InvalidLaw: `decay` is not a valid law.
            InvalidMark: The payload, subject, intensity or key is invalid, or `subject` or `payload` is named beside a
                mark.
            UniqueConflict: The value of the unique field belongs to another live mark.
            InvalidAuthor: The author is an agent.
            InvalidTime: `until` or `occurred_at` is not a time, or `occurred_at` is too far ahead of the board's time.
            KeyReused: The key was used for another request. Nothing is stored.
            Conflict: The live mark has changed since the event `if_event`. Nothing is stored; its `event_id` is the
                current one.
            LawConflict: The deposit names a law, and the live mark that it would join has another law.
            OutOfOrder: The deposit is older than the live mark to which it would be added, and the order of additions
                matters: the kind has a cap, or the law is neither exponential nor never.
        """
        item = deposited_item(mark, subject, payload)
        classes = self.session.classes
        deposit_batches.learn_classes(classes, [item])
        options = deposit_options(key=key, decay=decay, until=until, occurred_at=occurred_at, if_event=if_event)
        request = DepositRequest.of(item, self.author, options, intensity=intensity)
        return self.session.write(lambda txn: submissions.submit(txn, request, classes), shared=True)

    @overload
    def deposit_many(
        self,
        items: Iterable[Mark | Deposit],
        *,
        keys: Iterable[str] | None = ...,
        occurred_at: Iterable[When | None] | None = ...,
        on_error: Literal["raise"] = ...,
    ) -> list[Receipt]: ...
    @overload
    def deposit_many(
        self,
        items: Iterable[Mark | Deposit],
        *,
        keys: Iterable[str] | None = ...,
        occurred_at: Iterable[When | None] | None = ...,
        on_error: Literal["return"],
    ) -> list[Receipt | UsageError]: ...
    def deposit_many(
        self,
        items: Iterable[Mark | Deposit],
        *,
        keys: Iterable[str] | None = None,
        occurred_at: Iterable[When | None] | None = None,
        on_error: Literal["raise", "return"] = "raise",
    ) -> list[Receipt] | list[Receipt | UsageError]:
        """Deposit many marks, in transactions of 1,000.

        Args:
            items: Marks, or `Deposit`s for kinds without a class in this process.
            keys: The idempotency key of each item; by default that of each `Deposit`.
            occurred_at: When each item occurred; None for now. By default that of each `Deposit`.
            on_error: With "raise", the first error rolls back its own transaction and is raised. Its message and its
                attribute `stored` give the number of marks that are stored. With "return", the list has the error
                instead of the receipt, and all other marks are stored.

        Returns:
            A receipt for each item, in the same order.

        Raises:
            UsageError: An item cannot be stored, and `on_error` is "raise".
            StoreError: The database cannot be used; the attribute `stored` gives the number of marks that are stored.
            ValueError: The numbers of items, keys and times differ. If the lengths are known at the start, nothing is
                stored.
        """
        return deposit_batches.deposit_all(
            self.session, self.author, items, keys, occurred_at, raises=on_error == "raise"
        )

    def withdraw(self, mark_id: int, *, if_event: int | None = None) -> None:
        """Take a live mark off the board. This wakes no agent, and cancels work on the mark that has not begun.

        Args:
            mark_id: The id of the mark.
            if_event: Withdraw it only if it is still at this event.

        Raises:
            NotFound: There is no such live mark.
            Conflict: The mark has changed since the event `if_event`.
        """
        if if_event is not None:
            check_if_event(if_event, lowest=1)

        def work(txn: BoardTransaction) -> None:
            check_signature(txn, self.author)
            departures.withdraw(txn, mark_id, self.author, if_event=if_event)

        self.session.write(work)

    def reinforce(self, mark_id: int, *, by: float, if_event: int | None = None) -> Receipt:
        """Add to the strength that a live mark has now, up to the cap of its kind, whatever its `on_repeat`.

        The mark fades from now on, by its own law. Its payload, its author and its time of occurrence stay. A
        reinforcement is not a deposit: no window counts it.

        Args:
            mark_id: The id of the mark.
            by: The strength to add, above 0. The board multiplies it by its trust in the author.
            if_event: Reinforce it only if it is still at this event.

        Raises:
            NotFound: There is no such live mark.
            Conflict: The mark has changed since the event `if_event`.
            InvalidMark: `by` is not a number above 0, or is too high for the weight of the kind.
            InvalidAuthor: The author is an agent.
        """
        reinforcements.check_increase(by)
        if if_event is not None:
            check_if_event(if_event, lowest=1)

        def work(txn: BoardTransaction) -> Receipt:
            check_signature(txn, self.author)
            return reinforcements.reinforce(txn, mark_id, by, self.author, if_event=if_event)

        return self.session.write(work, shared=True)

    def forget(self, subject: str) -> ErasureReport:
        """Erase everything about a subject, including stored model answers; this cannot be undone.

        The events stay, without their content and under a random name. Backups are not changed; the report lists them.
        If the file could not be compacted, the report says why, and the same call again finishes it.

        Args:
            subject: The subject as it is stored; its Unicode form does not matter.

        Raises:
            NotFound: No mark of the subject was ever deposited, and the file needs no compaction.
            InvalidMark: The subject is the random name of a forgotten subject.
        """
        return erasure.forget(self.session, subject, self.author)

    def compact(self) -> CompactionReport:
        """Write the file anew, which gives unused space back to the disk.

        Other processes may use the board at the same time.

        Raises:
            StoreBusy: Another process is compacting the board, or a reader does not end.
            StoreError: The board is on a server, or the disk is full.
        """
        before = self.database.sizes().get("file_bytes", 0)
        if not file_compaction.compact(self.session):
            raise StoreBusy(file_compaction.LOG_IN_USE)
        return CompactionReport(before, self.database.sizes()["file_bytes"])

    # -- reading ------------------------------------------------------------------------------------------------------

    @overload
    def marks(
        self,
        kind: type[M],
        *,
        subject: str | None = ...,
        min_strength: float | None = ...,
        at: When | None = ...,
        limit: int | None = ...,
        where: Where | None = ...,
        after: MarkPosition | None = ...,
        strict: bool = ...,
    ) -> list[M]: ...
    @overload
    def marks(
        self,
        kind: str | None = ...,
        *,
        subject: str | None = ...,
        min_strength: float | None = ...,
        at: When | None = ...,
        limit: int | None = ...,
        where: Where | None = ...,
        after: MarkPosition | None = ...,
    ) -> list[MarkRecord]: ...
    def marks(
        self,
        kind: type[M] | str | None = None,
        *,
        subject: str | None = None,
        min_strength: float | None = None,
        at: When | None = None,
        limit: int | None = None,
        where: Where | None = None,
        after: MarkPosition | None = None,
        strict: bool = False,
    ) -> list[M] | list[MarkRecord]:
        """Return the live marks, strongest first.

        Args:
            kind: A mark class, or the name of a kind. A class returns marks of that class, without those that do not
                fit it, with a warning. A name, or no kind, returns `MarkRecord`s.
            subject: Only marks of this subject.
            min_strength: Only marks of at least this strength.
            at: Another time, past or future.
            limit: The largest number of marks.
            where: Only marks whose tags have these values, such as `{"severity": "high"}`. A list stands for any of its
                values. A tag with a list of texts has each of them. A reading of another time uses the tags that the
                kind has now.
            after: Only marks that follow a position, such as `marks[-1].position`, as of its instant: the next page of
                a list. Marks that have changed since the first page may be in both pages or in none.
            strict: Whether a mark that does not fit the class raises an error instead of being left out.

        Raises:
            UnknownName: No kind of this name is registered, or it has no tag that `where` names.
            UsageError: `min_strength` is not a number, or a value in `where` cannot be that of a tag.
            InvalidTime: `at` is not a time.
            InvalidMark: Another class of this kind was used with the board.
            UnreadableMark: A mark does not fit the class, and `strict` is set.
        """
        query = mark_queries.MarkQuery(
            None if subject is None else normalize_subject(subject),
            min_strength,
            None if at is None else instant_of(at),
            limit,
            where,
            after,
        )
        if not isinstance(kind, type):
            return self.session.read(lambda txn: mark_queries.marks(txn, kind, query))
        classes = self.session.classes
        classes.add([kind])
        found, unreadable = self.session.read(lambda txn: mark_queries.marks_of_class(txn, kind, classes, query))
        if unreadable:
            if strict:
                raise UnreadableMark(unreadable_text(kind, unreadable))
            _warn_of_unreadable(kind, unreadable)
        return found

    @overload
    def search(
        self,
        text: str,
        *,
        kind: type[M],
        where: Where | None = ...,
        limit: int = ...,
        faded: bool = ...,
        match: Match = ...,
        raw: bool = ...,
    ) -> SearchResult[M]: ...
    @overload
    def search(
        self,
        text: str,
        *,
        kind: str | None = ...,
        where: Where | None = ...,
        limit: int = ...,
        faded: bool = ...,
        match: Match = ...,
        raw: bool = ...,
    ) -> SearchResult[MarkRecord]: ...
    def search(
        self,
        text: str,
        *,
        kind: type[M] | str | None = None,
        where: Where | None = None,
        limit: int = 10,
        faded: bool = False,
        match: Match = "all",
        raw: bool = False,
    ) -> SearchResult[M] | SearchResult[MarkRecord]:
        """Return the marks whose text matches, in the order of relevance times strength.

        The relevance is BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009) with k1 = 1.2 and
        b = 0.75, as FTS5 computes it over all searched marks of the board: the sum over the words of
        `idf * f * (k1 + 1) / (f + k1 * (1 - b + b * length / average length))`. A server gives `ts_rank` instead,
        divided by 1 + the logarithm of the length.

        Args:
            text: Words, in any form of case and accents. `pric*` stands for every word that begins with it. No other
                sign has a meaning.
            kind: A mark class, or the name of a kind; by default all kinds that are searched. A class returns marks of
                that class. It leaves out those that do not fit the class, with a warning.
            where: Only marks whose tags have these values, as in `marks`.
            limit: The largest number of marks.
            faded: Whether marks that have faded are found, too. Their text stays in the history.
            match: Whether a mark must have "all" words or "any" of them. With "any", words that more than 10,000 marks
                have do not count, unless all are such words.
            raw: Whether the text is a query in the language of the database: that of FTS5, or `tsquery`.

        Raises:
            UnknownName: No kind of this name is registered, or it has no tag that `where` names.
            UsageError: The kind is not searched, or `limit` is below 1.
            InvalidSearch: The raw query is not valid.
        """
        question = Question(text, where, limit, faded, match, raw)
        if not isinstance(kind, type):
            return self.session.read(lambda txn: search.records(txn, kind, question))
        classes = self.session.classes
        classes.add([kind])
        found, unreadable = self.session.read(lambda txn: search.of_class(txn, kind, classes, question))
        if unreadable:
            _warn_of_unreadable(kind, unreadable)
        return found

    def mark(self, mark_id: int) -> MarkRecord:
        """Return one live mark.

        Raises:
            NotFound: There is no live mark with this id; the message says what became of it.
        """
        return self.session.read(lambda txn: mark_queries.mark(txn, mark_id))

    def history(
        self, subject: str, *, at: When | None = None, after: int | None = None, limit: int | None = None
    ) -> list[MarkEvent]:
        """Return the events of a subject's marks, oldest first.

        Args:
            subject: The subject as it is stored; its Unicode form does not matter.
            at: Only the events that were recorded up to this time.
            after: Only the events after the event with this id.
            limit: The largest number of events.

        Returns:
            The events; an empty list if there are none.

        Raises:
            InvalidTime: `at` is not a time.
        """
        subject, until = normalize_subject(subject), None if at is None else instant_of(at)
        return self.session.read(lambda txn: mark_queries.history(txn, subject, at=until, after=after, limit=limit))

    def mark_events(self, *, after: int = 0, limit: int = 1000) -> list[StreamEvent]:
        """Return the events of all marks after an event, oldest first.

        A later event always has a higher id, so a reader that continues after the last id misses nothing.

        Args:
            after: The id of an event, such as the last that was read.
            limit: The largest number of events.
        """
        return self.session.read(lambda txn: event_streams.mark_events(txn, after, limit))

    def activity(self, *, after: int | None = None, limit: int = 100) -> list[ActivityRecord]:
        """Return what agents, people and programs did, oldest first.

        A later entry always has a higher id, so a reader that continues after the last id misses nothing.

        Args:
            after: The id of an entry, such as the last that was read; None for the newest entries.
            limit: The largest number of entries.
        """
        return self.session.read(lambda txn: event_streams.activity(txn, after, limit))

    def stream_position(self) -> StreamPosition:
        """Return the latest position, from which `mark_events` and `activity` continue."""
        with self.database.read() as sql:
            return event_streams.position(sql)

    def subjects(self, prefix: str = "", *, limit: int = 100, after: str = "", at: When | None = None) -> list[str]:
        """Return the first subjects, in alphabetical order, that begin with a prefix and ever had a mark.

        Args:
            prefix: The beginning of the subjects; "" for all subjects.
            limit: The largest number of subjects.
            after: Only subjects that follow this one.
            at: Only subjects that had a mark up to this time.

        Raises:
            InvalidTime: `at` is not a time.
        """
        prefix, after = normalize_subject(prefix), normalize_subject(after)
        until = None if at is None else instant_of(at)
        return self.session.read(lambda txn: mark_queries.subjects(txn, prefix, limit, after=after, at=until))

    def tag_values(self, tag: str, *, kind: str | None = None, limit: int = 100) -> list[str | bool | int | float]:
        """Return the first values that a tag of live marks has, each once; texts too long for an index are left out.

        Args:
            tag: The name of the tag.
            kind: Only marks of this kind.
            limit: The largest number of values.
        """
        return self.session.read(lambda txn: mark_queries.tag_values(txn, tag, kind, limit))

    def status(self) -> BoardStatus:
        """Return the state of the board."""
        sizes, dead = self.database.sizes(), self.session.dead_workers()
        return self.session.read(lambda txn: board_status.status(txn, dead, **sizes))

    def figures(self, after: FiguresPosition | None = None) -> BoardFigures:
        """Return the figures of the board for a monitor. They contain no text of a depositor.

        Args:
            after: The position of earlier figures; `happened` counts what happened after them.
        """
        sizes, dead = self.database.sizes(), self.session.dead_workers()
        return self.session.read(lambda txn: board_figures.figures(txn, after, dead, **sizes))

    def agents(self) -> list[AgentStatus]:
        """Return each deployed agent with its watches and its state."""
        return self.session.read(board_status.agents)

    def unserved_agents(self) -> list[str]:
        """Return the deployed agents for which no living daemon claims."""
        dead = self.session.dead_workers()
        return self.session.read(lambda txn: board_status.unserved_agents(txn, dead))

    def agenda(self, *, limit: int | None = None) -> list[AgendaItem]:
        """Return the crossings that wait, strongest first, each with the reason why it waits.

        Args:
            limit: The largest number of crossings.
        """
        return self.session.read(lambda txn: work_queries.agenda(txn, limit))

    def schedules(self, *, limit: int = 3) -> list[ScheduleRecord]:
        """Return each schedule with its next instants, and with its last instant and how late that was noticed.

        Args:
            limit: The largest number of next instants of each schedule, at least 1.
        """
        return self.session.read(lambda txn: work_queries.schedules(txn, limit))

    def activations(
        self,
        *,
        agent: str | None = None,
        state: str | Iterable[str] | None = None,
        limit: int = 20,
        before: int | None = None,
    ) -> list[ActivationRecord]:
        """Return activations, newest first.

        Args:
            agent: Only activations of this agent.
            state: Only activations in this state, or in one of these.
            limit: The largest number of activations.
            before: Only activations that are older than the one with this id.

        Raises:
            UnknownName: There is no such agent, and there never was one.
            UsageError: There is no such state.
        """
        states = [state] if isinstance(state, str) else None if state is None else list(state)
        return self.session.read(
            lambda txn: work_queries.activations(txn, agent=agent, states=states, limit=limit, before=before)
        )

    def activation(self, activation_id: int) -> ActivationDetails:
        """Return one activation: its marks with their present state, its deposits, its model calls and their cost.

        Args:
            activation_id: The id of the activation, as in `ActivationRecord.id`.

        Raises:
            NotFound: There is no such activation.
        """
        return self.session.read(lambda txn: activation_details(txn, activation_id))

    def explain(self, agent: str, subject: str | None = None, *, group: TagChoice | None = None) -> Explanation:
        """Return why an agent has or has not woken, for one subject or group, or for all that wait.

        Args:
            agent: The name of the agent.
            subject: The subject; None for all waiting work of the agent. For a watch over groups, the groups of the
                subject's live marks are explained.
            group: The value of the tag by which watches of the agent measure groups, such as a service for
                `total(Alert, by="service")`. A collection stands for any of its values.

        Raises:
            UnknownName: There is no such agent.
            UsageError: A group is given, and the agent has no watch over groups.
        """
        subject = None if subject is None else normalize_subject(subject)
        dead = self.session.dead_workers()
        return self.session.read(lambda txn: waking_explanation.explain(txn, agent, subject, dead, group))

    def costs(self, days: int = 30) -> list[CostRow]:
        """Return the cost of model calls by day and agent.

        Args:
            days: The number of days (UTC) up to today.
        """
        return self.session.read(lambda txn: board_status.costs(txn, days))

    def query(self, sql: str, parameters: Parameters = (), *, timeout: DurationLike = "10s") -> list[Row]:
        """Run one SQL query over the views, and return its rows. It can only read.

        Args:
            sql: A `SELECT`, over the views or over tables.
            parameters: The values of its placeholders, by position or by name; a datetime becomes text in the format of
                the views. The placeholders are those of the database: `?` and `:name` on SQLite, `%s` and `%(name)s` on
                a server.
            timeout: The longest time; it is checked between the steps of the query.

        Raises:
            InvalidQuery: The SQL or a parameter is invalid, or the statement writes.
            QueryStopped: The query took longer than `timeout`.
            StoreError: The database cannot be read.
        """
        from blackboard.store.readonly import readonly_access

        return readonly_access.query(self.database, sql, parameters, seconds_in(parse_duration(timeout)))

    def engine(self) -> Engine:
        """Return an SQLAlchemy engine that can only read, for `blackboard.views`, pandas and other tools.

        Its connections use the board's own SQLite library. Closing the board disposes of the engine.
        """
        from blackboard.store.readonly import readonly_access

        return readonly_access.engine(self.database)

    @contextmanager
    def reads_within(self, limit: DurationLike) -> Iterator[None]:
        """Limit the time of reads by this thread inside the context. A longer read ends with `QueryStopped`.

        Args:
            limit: The longest time of all reads together, from now on.

        Raises:
            InvalidDuration: `limit` is not a duration.
        """
        with self.database.reads_within(parse_duration(limit)):
            yield

    # -- people -------------------------------------------------------------------------------------------------------

    def inbox(self, assignee: str | None = None, *, all_needs: bool = False) -> list[NeedRecord]:
        """Return the needs that wait for a person: first those that are overdue, then the others, oldest first.

        Args:
            assignee: Return only the needs that this person should answer.
            all_needs: Whether to include the needs on which agents are working.
        """
        return self.session.read(lambda txn: inbox.needs_of(txn, assignee, all_needs=all_needs))

    def assign(self, need_id: int, assignee: str) -> None:
        """Set who should answer a need; `""` stands for nobody in particular. The history records the change.

        Args:
            need_id: The id of the need.
            assignee: The name of the person, up to 200 characters; "" for nobody in particular.

        Raises:
            InvalidMark: The name cannot be stored.
            NotFound: There is no such need, or it was answered or withdrawn before; the message says by whom and when.
        """
        self.session.write(lambda txn: inbox.assign(txn, need_id, assignee, self.author))

    def answer(self, need_id: int, text: str, *, any_answer: bool = False) -> Receipt:
        """Answer a need: take it off the board and deposit a decision.

        If the need has options, the answer must be one of them, in upper or lower case. The decision is spelled as
        the option is.

        Args:
            need_id: The id of the need.
            text: The answer.
            any_answer: Whether the answer may differ from the options.

        Raises:
            InvalidMark: The answer is empty, or not one of the options.
            NotFound: There is no such need, or it was answered or withdrawn before; the message says by whom and when.
        """
        classes = self.session.classes
        return self.session.write(
            lambda txn: inbox.answer(txn, need_id, text, self.author, classes, any_answer=any_answer)
        )

    def pause(self, agent: str | None = None, reason: str | None = None) -> None:
        """Pause an agent, or the whole board, until `resume`. Crossings are still recorded.

        Args:
            agent: The name of the agent; None for the whole board.
            reason: A text for people, which is shown with the pause.

        Raises:
            UnknownName: There is no such agent.
        """
        self.session.write(lambda txn: pauses.pause(txn, agent, reason, self.author))

    def resume(self, agent: str | None = None) -> None:
        """Resume an agent, or the whole board.

        Resuming an agent also ends its cooldown after failures. Resuming the board also accepts a clock that
        leapt ahead, and tries paused models.

        Args:
            agent: The name of the agent; None for the whole board.

        Raises:
            UnknownName: There is no such agent.
        """
        self.session.write(lambda txn: pauses.resume(txn, agent, self.author))

    def wake(self, crossing_id: int) -> EarlyWake:
        """Wake an agent early: end the batch window of a crossing, and the cooldown that holds it.

        A guard, a budget or a pause still holds it. The result names what does.

        Args:
            crossing_id: The crossing, as `agenda` lists it.

        Raises:
            NotFound: There is no such crossing.
            WorkError: It does not wait any more, or its agent is not in the deployment.
        """
        return self.session.write(lambda txn: early_wakes.wake(txn, crossing_id, self.author))

    def retry(self, activation_id: int) -> None:
        """Try an activation again, with all its attempts. A paused model is tried at once.

        Args:
            activation_id: The id of an activation that is dead, held or quarantined, or that failed and waits.

        Raises:
            NotFound: There is no such activation.
            WorkError: The activation has not failed and is neither held nor quarantined.
        """

        def work(txn: BoardTransaction) -> None:
            row = failed_activations.retry(txn, activation_id)
            model_pauses.try_now(txn)
            activity_log.note(txn, ActivityEvent.RETRY, **activity_log.about(row), author=self.author)

        self.session.write(work)

    def discard(self, activation_id: int) -> None:
        """Give up an activation. Its marks do not wake the agent again.

        Args:
            activation_id: The id of an activation that is dead, held or quarantined, or that failed and waits.

        Raises:
            NotFound: There is no such activation.
            WorkError: The activation has not failed and is neither held nor quarantined.
        """

        def work(txn: BoardTransaction) -> None:
            row = failed_activations.discard(txn, activation_id)
            activity_log.note(txn, ActivityEvent.DISCARD, **activity_log.about(row), author=self.author)

        self.session.write(work)

    def record_cost(self, call_id: int, usd: float) -> None:
        """Record the cost of a model call whose outcome or usage is unknown.

        Until then, the budget counts the highest cost that the call may have.

        Args:
            call_id: The call, as the view `model_calls` shows it.
            usd: US dollars, at least 0 and below 1e6, as the provider's account shows them.

        Raises:
            NotFound: There is no such call, or its cost is known.
            UsageError: The cost is out of range.
        """
        check_cost(usd)

        def work(txn: BoardTransaction) -> None:
            call = model_calls.record_cost(txn, call_id, from_usd(usd))
            about = {"agent": call.agent, "activation_id": call.activation_id}
            activity_log.note(txn, ActivityEvent.RECORD_COST, **about, author=self.author)

        self.session.write(work)

    # -- remote agents ------------------------------------------------------------------------------------------------

    def claim(
        self, agent: str, *, wait: DurationLike = "0s", lease: DurationLike | None = None
    ) -> RemoteActivation | None:
        """Claim an activation of a remote agent, and return it; None if there is none.

        The author of this handle is the worker.

        The worker must finish it, or fail it, or extend its lease before the lease ends. Otherwise the activation is
        given to the next claim.

        Args:
            agent: The name of the agent.
            wait: How long to wait for an activation, up to a day.
            lease: The length of the lease, 1 second to 1 day; by default 5 minutes.

        Raises:
            InvalidDuration: A length of time is not valid.
            UnknownName: There is no such agent.
            UsageError: The lease or the wait is too short or too long.
            WorkError: The agent is not remote: a daemon runs it.
        """
        length = remote_work.check_lease(None if lease is None else parse_duration(lease))
        return remote_work.wait_and_claim(self.session, agent, self.author, length, parse_duration(wait))

    def claimable_at(self, agent: str) -> datetime | None:
        """Return the next time at which a claim may succeed even if nothing changes on the board; None for never.

        At that time a batch window, a cooldown or a lease ends, or a schedule or a falling watch is due.

        Raises:
            UnknownName: There is no such agent.
            WorkError: The agent is not remote: a daemon runs it.
        """
        return optional_datetime(remote_work.next_instant(self.session, agent))

    def listen(self, callback: Callable[[], None], *, every_commit: bool = False) -> AbstractContextManager[float]:
        """Return a context in which `callback` is called after each commit that may wake an agent.

        Commits of other processes are noticed on the same machine only. So the context gives a number of seconds, after
        which the caller should read the board in any case.

        Args:
            callback: A function without arguments. Any thread may call it, so it must return at once.
            every_commit: Call it after every other commit too. Those of other processes are noticed by their writes,
                within about a second, and there may be calls without a commit.

        Raises:
            TypeError: The callback is a coroutine function, which nothing would await.
        """
        return remote_work.hear(self.session, callback, every_commit=every_commit)

    def heartbeat(
        self,
        activation_id: int,
        *,
        fence: int | None = None,
        agent: str | None = None,
        lease: DurationLike | None = None,
    ) -> RunState:
        """Extend the lease of an activation that this worker has claimed, counted from now.

        Args:
            activation_id: The id of the activation.
            fence: The fence of the claim; None for the run that a worker of this name has now.
            agent: The agent to which the activation must belong; None for any.
            lease: The length of the lease; by default 5 minutes. No run is longer than the timeout of its agent.

        Raises:
            LeaseLost: The worker no longer has the activation.
            NotFound: There is no such activation.
            UsageError: The lease is too short or too long.
        """
        length = remote_work.check_lease(None if lease is None else parse_duration(lease))
        return remote_work.extend(self.session, activation_id, agent, fence, self.author, length)

    def finish(
        self,
        activation_id: int,
        result: RemoteResult | Mapping[str, object] | None = None,
        *,
        fence: int | None = None,
        agent: str | None = None,
    ) -> RunState:
        """Finish an activation that this worker has claimed: apply its result, and end it, in one transaction.

        The result is checked as that of an agent in Python. If it is refused, nothing changes, and the worker still has
        the activation. The same result again changes nothing and has the same answer.

        Args:
            activation_id: The id of the activation.
            result: The marks, withdrawals, reinforcements and model calls of the agent; None for nothing.
            fence: The fence of the claim; None for the run that a worker of this name has now.
            agent: The agent to which the activation must belong; None for any.

        Raises:
            AgentError: The result is more than the agent may do.
            Conflict: A mark has changed since the event that the result names. The activation is put back.
            LeaseLost: The worker no longer has the activation. Nothing is stored.
            NotFound: There is no such activation.
            UsageError: The result, or a mark in it, is not valid.
        """
        given = result if isinstance(result, RemoteResult) else RemoteResult.of(result or {})
        return remote_work.finish(self.session, activation_id, agent, fence, self.author, given)

    def fail(
        self,
        activation_id: int,
        reason: str,
        *,
        retry: bool = True,
        usage: Iterable[ModelUsage] = (),
        fence: int | None = None,
        agent: str | None = None,
    ) -> RunState:
        """Report that the run of an activation that this worker has claimed has failed.

        It is then treated like a failure of an agent in Python.

        Args:
            activation_id: The id of the activation.
            reason: Why it failed, for people. It is stored.
            retry: Whether another attempt may succeed. If not, its marks are split at once, or it is dead.
            usage: The model calls that it made.
            fence: The fence of the claim; None for the run that a worker of this name has now.
            agent: The agent to which the activation must belong; None for any.

        Raises:
            LeaseLost: The worker no longer has the activation.
            NotFound: There is no such activation.
            UsageError: The reason is empty.
        """
        if not (text := reason.strip()):
            raise UsageError("the reason is empty; say why the activation failed")
        failure = Failure(text[:MAX_REASON_CHARACTERS], is_hopeless=not retry)
        return remote_work.fail(self.session, activation_id, agent, fence, self.author, failure, tuple(usage))

    def give_back(self, activation_id: int, *, fence: int, after: DurationLike = "0s", reason: str = "") -> bool:
        """Give back an activation that this worker has claimed and cannot do now, without counting an attempt.

        Args:
            activation_id: The id of the activation.
            fence: The fence of the claim.
            after: How long nobody can claim it.
            reason: The reason, shown to people.

        Returns:
            Whether it was still claimed.
        """
        return remote_work.give_back(self.session, activation_id, fence, self.author, parse_duration(after), reason)

    def recover_leases(self) -> int:
        """Recover the activations of remote agents whose leases have expired, and return their number.

        Each is ready again, or its marks are split, or it is quarantined or dead, as for any worker that died. A daemon
        and a server do this by themselves, and so does a claim for its agent.
        """
        return remote_work.recover(self.session)

    # -- tokens -------------------------------------------------------------------------------------------------------

    def create_token(
        self,
        name: str,
        *,
        may: Iterable[str],
        author: str | None = None,
        expires: DurationLike | None = "90d",
    ) -> str:
        """Make a token for a program that uses the board over HTTP, and return it. It cannot be read again.

        Args:
            name: The name under which it is listed and revoked.
            may: What its holder may do, such as `read`, `deposit:lead` or `claim:review`.
            author: Who signs what its holder deposits and answers; by default the name of the token.
            expires: The length of time after which it expires; None for never.

        Raises:
            InvalidAuthor: The author is an agent, or a name that cannot sign.
            InvalidDuration: `expires` is not a duration.
            InvalidMark: The name cannot be stored.
            UsageError: A scope is not valid, two exclude each other, or a token of this name was not revoked.
        """
        scopes, lifetime = Scopes(may), None if expires is None else parse_duration(expires)
        signs = name if author is None else author
        return self.session.write(lambda txn: access_tokens.create(txn, name, scopes, signs, lifetime, self.author))

    def tokens(self) -> list[AccessToken]:
        """Return all tokens that were ever made, oldest first, without the tokens themselves."""
        return self.session.read(access_tokens.every)

    def find_token(self, token: str) -> AccessToken | None:
        """Return what a token stands for, whatever its state; None if the board never made it."""
        return self.find_tokens([token])[0]

    def find_tokens(self, tokens: Iterable[str]) -> list[AccessToken | None]:
        """Return what each of some tokens stands for, as `find_token` does, from one snapshot."""
        return self.session.read(lambda txn: [access_tokens.find(txn, token) for token in tokens])

    def revoke_token(self, name: str) -> None:
        """Revoke a token at once.

        Raises:
            NotFound: There is no token of this name, or it was revoked before.
        """
        self.session.write(lambda txn: access_tokens.revoke(txn, name, self.author))

    # -- messages to people outside -----------------------------------------------------------------------------------

    def outbox(
        self, *, sink: str | None = None, state: str | None = None, before: int | None = None, limit: int = 50
    ) -> list[OutboxMessage]:
        """Return the messages to people outside, newest first.

        Args:
            sink: Only messages of this sink.
            state: Only messages in this state: waiting, delivered, failed, gone or discarded.
            before: Only messages with a smaller id.
            limit: The largest number of messages.

        Raises:
            UnknownName: There is no such state.
        """
        return self.session.read(
            lambda txn: outbox_messages.listed(txn, sink=sink, state=state, before=before, limit=limit)
        )

    def outbox_message(self, message: int) -> OutboxMessage:
        """Return one message to people outside.

        Raises:
            NotFound: There is none.
        """
        return self.session.read(lambda txn: outbox_messages.get(txn, message))

    def retry_message(self, message: int) -> OutboxMessage:
        """Send a message to people outside again under the same id, whatever its state, as if it were new.

        Raises:
            NotFound: There is none.
            UnknownName: The deployment does not have its sink any more.
        """
        return self.session.write(lambda txn: outbox_messages.retry(txn, message, self.author))

    def discard_message(self, message: int) -> OutboxMessage:
        """Give up a message to people outside that waits or was not delivered.

        Raises:
            NotFound: There is none.
            WorkError: It was delivered, or given up before.
        """
        return self.session.write(lambda txn: outbox_messages.discard(txn, message, self.author))

    def retry_messages(self, *, sink: str | None = None, state: str | None = None) -> list[int]:
        """Send up to 1,000 undelivered messages again, as `retry_message` does, and return their ids, newest first.

        Args:
            sink: Only messages of this sink.
            state: Only messages in this state: waiting, failed or gone.

        Raises:
            UnknownName: There is no such sink or state.
        """
        return self.session.write(lambda txn: outbox_messages.retry_many(txn, self.author, sink=sink, state=state))

    def discard_messages(self, *, sink: str | None = None, state: str | None = None) -> list[int]:
        """Give up up to 1,000 undelivered messages, as `discard_message` does, and return their ids, newest first.

        Args:
            sink: Only messages of this sink, which the deployment may not have any more.
            state: Only messages in this state: waiting, failed or gone.

        Raises:
            UnknownName: There is no such state.
        """
        return self.session.write(lambda txn: outbox_messages.discard_many(txn, self.author, sink=sink, state=state))

    def secret(self, name: str) -> str:
        """Return a random text that only this board knows, and that stays the same."""
        return self.session.write(lambda txn: access_tokens.secret(txn, name))

    # -- the deployment -----------------------------------------------------------------------------------------------

    def deployments(self, *, before: int | None = None, limit: int = 20) -> list[DeploymentRecord]:
        """Return versions of the deployment, newest first.

        Args:
            before: Only versions that are older than this one.
            limit: The largest number of versions.
        """
        return self.session.read(lambda txn: board_status.deployments(txn, before=before, limit=limit))

    def deploy(
        self, *items: AgentDeclaration | Deployment, kinds: Iterable[type[Mark]] = (), replace: bool = False
    ) -> DeployResult:
        """Deploy agents as they declare themselves, or a whole deployment, and let the marks follow.

        The change is one event at one instant. Marks follow in bounded batches, each as of that instant. If the call is
        interrupted, a daemon or the next call continues.

        Args:
            items: Agents, which are added to those of the board; or one deployment, which replaces the active one.
            kinds: Mark classes to register as they declare themselves, even if the board has other settings for their
                kinds.
            replace: Whether to remove agents even if a worker that is alive serves them.

        Raises:
            AgentInUse: The change would remove an agent that a living worker serves.
            ConfigurationError: An agent names a kind that is not known.
            UsageError: A deployment is not the only argument.
        """
        return deployer.deploy(self.session, items, tuple(kinds), self.author, replace=replace)

    def preview(self, deployment: Deployment) -> Preview:
        """Return the effects that deploying would have now, such as marks that evaporate and agents that wake.

        The change is carried out in a transaction that is rolled back.

        Args:
            deployment: The whole deployment, as for `deploy`.

        Returns:
            The effects, as of now.
        """
        return deployment_preview.preview_of(self.session, deployment)


def _warn_of_unreadable(mark_class: type[Mark], problems: Sequence[str]) -> None:
    """Warn the caller of a method of the board that marks which do not fit a class were left out."""
    warnings.warn(f"left out: {unreadable_text(mark_class, problems)}", UnreadableMarksWarning, stacklevel=3)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
