"""The methods of a board that read marks, their events and the activity, or run queries of programs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, Unpack, overload

from blackboard.board.interface.board_handle import BoardHandle
from blackboard.clock import When, instant_of, seconds_in
from blackboard.core.marks.full_text import Match
from blackboard.core.marks.mark_checks import normalize_subject
from blackboard.core.marks.mark_error_texts import unreadable_text
from blackboard.core.marks.mark_model import Mark
from blackboard.core.marks.tags import Where
from blackboard.durations import DurationLike, parse_duration
from blackboard.errors import UnreadableMark, UnreadableMarksWarning

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from blackboard.board.keyword_arguments import MarksKeywords, MarksOfClassKeywords, SearchKeywords
    from blackboard.board.result_types.mark_results import (
        MarkEvent,
        MarkPosition,
        MarkRecord,
        SearchResult,
        StreamEvent,
        StreamPosition,
    )
    from blackboard.board.result_types.work_results import ActivityRecord
    from blackboard.core.records.query_result_rows import Parameters, Row

M = TypeVar("M", bound=Mark)


class ReadingMethods(BoardHandle):
    """Marks, their history, the streams of events, and queries that programs write."""

    @overload
    def marks(self, kind: type[M], **options: Unpack[MarksOfClassKeywords]) -> list[M]: ...
    @overload
    def marks(self, kind: str | None = ..., **options: Unpack[MarksKeywords]) -> list[MarkRecord]: ...
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
            kind: A mark class, or the name of a kind. With a class, the result has marks of that class; marks that do
                not fit it are left out, with a warning. With a name, or without a kind, the result has `MarkRecord`s.
            subject: Only marks of this subject.
            min_strength: Only marks of at least this strength.
            at: Another time, past or future.
            limit: The largest number of marks.
            where: Only marks whose tags have these values, such as `{"severity": "high"}`. A list matches any of its
                values. A tag that is a list of texts matches each of its texts. With `at`, the tags are those that the
                kind has now.
            after: Only marks that follow a position, such as `marks[-1].position`. This gives the next page of a list,
                as of the instant of the first page. Marks that have changed since may be in both pages or in none.
            strict: Whether a mark that does not fit the class raises an error instead of being left out.

        Raises:
            UnknownName: No kind of this name is registered, or it has no tag that `where` names.
            UsageError: `min_strength` is not a number, or a value in `where` cannot be the value of a tag.
            InvalidTime: `at` is not a time.
            InvalidMark: Another class of this kind was used with the board.
            UnreadableMark: A mark does not fit the class, and `strict` is set.
        """
        from blackboard.board.reading import mark_queries

        query = mark_queries.MarkQuery(
            subject=None if subject is None else normalize_subject(subject),
            min_strength=min_strength,
            at=None if at is None else instant_of(at),
            limit=limit,
            where=where,
            after=after,
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
    def search(self, text: str, *, kind: type[M], **options: Unpack[SearchKeywords]) -> SearchResult[M]: ...
    @overload
    def search(
        self, text: str, *, kind: str | None = ..., **options: Unpack[SearchKeywords]
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
        `idf * f * (k1 + 1) / (f + k1 * (1 - b + b * length / average length))`. PostgreSQL gives `ts_rank` instead,
        divided by 1 + the logarithm of the length.

        Args:
            text: Words; case and accents do not matter. `pric*` finds every word that begins with `pric`. No other sign
                has a meaning.
            kind: A mark class, or the name of a kind; by default all kinds with search. With a class, the result has
                marks of that class; marks that do not fit it are left out, with a warning.
            where: Only marks whose tags have these values, as in `marks`.
            limit: The largest number of marks.
            faded: Whether to find faded marks also. Their text stays in the history.
            match: Whether a mark must have "all" words or "any" of them. With "any", a word that more than 10,000 marks
                have does not count, unless all words are so frequent.
            raw: Whether the text is a query in the language of the database: FTS5 on SQLite, `tsquery` on PostgreSQL.

        Raises:
            UnknownName: No kind of this name is registered, or it has no tag that `where` names.
            UsageError: The kind is not searched, `limit` is below 1, or a value in `where` cannot be a tag's value.
            InvalidMark: Another class of this kind was used with the board.
            InvalidSearch: The raw query is not valid.
        """
        from blackboard.board.reading import text_search_results
        from blackboard.board.search_index.text_search import SearchArguments

        arguments = SearchArguments(text, where=where, limit=limit, faded=faded, match=match, raw=raw)
        if not isinstance(kind, type):
            return self.session.read(lambda txn: text_search_results.records(txn, kind, arguments))
        classes = self.session.classes
        classes.add([kind])
        found, unreadable = self.session.read(lambda txn: text_search_results.of_class(txn, kind, classes, arguments))
        if unreadable:
            _warn_of_unreadable(kind, unreadable)
        return found

    def mark(self, mark_id: int) -> MarkRecord:
        """Return one live mark.

        Raises:
            NotFound: There is no live mark with this id; the message says how it left the board.
        """
        from blackboard.board.reading import mark_queries

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

        Raises:
            InvalidTime: `at` is not a time.
        """
        from blackboard.board.reading import mark_queries

        subject, until = normalize_subject(subject), None if at is None else instant_of(at)
        return self.session.read(lambda txn: mark_queries.history(txn, subject, at=until, after=after, limit=limit))

    def mark_events(self, *, after: int = 0, limit: int = 1000) -> list[StreamEvent]:
        """Return the events of all marks after an event, oldest first.

        A later event always has a higher id, so a reader that continues after the last id misses nothing.

        Args:
            after: The id of an event, such as the last that was read.
            limit: The largest number of events.
        """
        from blackboard.board.reading import event_pages

        return self.session.read(lambda txn: event_pages.mark_events(txn, after, limit))

    def activity(self, *, after: int | None = None, limit: int = 100) -> list[ActivityRecord]:
        """Return what agents, people and programs did, oldest first.

        A later entry always has a higher id, so a reader that continues after the last id misses nothing.

        Args:
            after: The id of an entry, such as the last that was read; None for the newest entries.
            limit: The largest number of entries.
        """
        from blackboard.board.reading import event_pages

        return self.session.read(lambda txn: event_pages.activity(txn, after, limit))

    def stream_position(self) -> StreamPosition:
        """Return the latest position. `mark_events` and `activity` continue from there."""
        from blackboard.board.reading import event_pages

        with self.database.read() as transaction:
            return event_pages.position(transaction)

    def subjects(self, prefix: str = "", *, limit: int = 100, after: str = "", at: When | None = None) -> list[str]:
        """Return the first subjects, in alphabetical order, that begin with a prefix and ever had a mark.

        Args:
            prefix: The beginning of the subjects; "" for all subjects.
            limit: The largest number of subjects.
            after: Only subjects that follow this subject.
            at: Only subjects that had a mark by this time.

        Raises:
            InvalidTime: `at` is not a time.
        """
        from blackboard.board.reading import mark_queries

        prefix, after = normalize_subject(prefix), normalize_subject(after)
        until = None if at is None else instant_of(at)
        return self.session.read(lambda txn: mark_queries.subjects(txn, prefix, limit, after=after, at=until))

    def tag_values(self, tag: str, *, kind: str | None = None, limit: int = 100) -> list[str | bool | int | float]:
        """Return the first values that a tag of live marks has, each once. Texts too long for an index are left out.

        Args:
            tag: The name of the tag.
            kind: Only marks of this kind.
            limit: The largest number of values.
        """
        from blackboard.board.reading import mark_queries

        return self.session.read(lambda txn: mark_queries.tag_values(txn, tag, kind, limit))

    def query(self, sql: str, parameters: Parameters = (), *, timeout: DurationLike = "10s") -> list[Row]:
        """Run one SQL query over the views, and return its rows. It can only read.

        Args:
            sql: A `SELECT`, over the views or over tables.
            parameters: The values of its placeholders, by position or by name; a datetime becomes text in the format of
                the views. The placeholders are `?` and `:name` on SQLite, and `%s` and `%(name)s` on PostgreSQL.
            timeout: The longest time; it is checked between the steps of the query.

        Raises:
            InvalidDuration: `timeout` is not a duration.
            InvalidQuery: The SQL or a parameter is invalid, or the statement writes.
            QueryStopped: The query took longer than `timeout`.
            StoreError: The database cannot be read.
        """
        return self.database.readonly.query(sql, parameters, seconds_in(parse_duration(timeout)))

    def engine(self) -> Engine:
        """Return an SQLAlchemy engine that can only read, for `blackboard.sqlalchemy_views`, pandas and other tools.

        Its connections use the board's own SQLite library. Closing the board disposes of the engine.
        """
        return self.database.readonly.engine()

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


def _warn_of_unreadable(mark_class: type[Mark], problems: Sequence[str]) -> None:
    """Warn the caller of a method of the board that marks which do not fit a class were left out."""
    warnings.warn(f"left out: {unreadable_text(mark_class, problems)}", UnreadableMarksWarning, stacklevel=3)
