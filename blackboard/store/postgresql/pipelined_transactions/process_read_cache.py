"""Results of PostgreSQL that this process remembers for a moment, so that a deposit need not read them.

Nothing relies on the remembered results: a transaction that uses some checks each of them under the lock, like a result
that it has just read. So an outdated result costs only a second try.

Most deposits are about something new: a subject without a mark, a key that was not used. So the reads of a deposit are
assumed to be empty, unless this process has seen a result.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from blackboard.clock import Clock, Instant, SystemClock
from blackboard.durations import SECOND, Duration
from blackboard.store.row_types.board_row_types import TransactionStart
from blackboard.store.statement_file import Statement
from blackboard.store.statements import MARKS

START_LIFETIME: Duration = 5 * SECOND
"""How long the values that each transaction reads first are used after PostgreSQL has returned them."""
MAX_CACHED_SUBJECTS = 10_000
"""At least this many of the latest subjects with a mark are cached, and at most twice as many."""
MAX_CACHED_RESULTS = 200
"""The number of results that are cached."""
USUALLY_EMPTY_READS = frozenset({"marks.find_key", "marks.holders_of_unique_value", "marks.marks_of_subject"})
"""The reads whose result is probably empty."""
CACHED_READS = frozenset({"crossings.watch_totals", "marks.find_law", "marks.get_law_spec", "marks.transaction_start"})
"""The reads whose results are cached.

Each result stays true, or is a sum for which a close value is enough: see `optimistic_total_additions`.
"""


class CachedResult(NamedTuple):
    """The rows that a read has returned."""

    rows: list[tuple[Any, ...]]
    """Its rows."""
    fingerprint: bytes | None
    """The fingerprint of the rows; None without rows, and if it is not known."""


NO_ROWS = CachedResult([], None)


class ProcessReadCache:
    """The results that one process remembers.

    Args:
        clock: Measures how old they are.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.start_lifetime: Duration = START_LIFETIME
        """How long the values that each transaction reads first are used."""
        self._start: TransactionStart | None = None
        self._noted_at: Instant = 0
        """When the start was noted, on the monotonic clock."""
        self._results: dict[tuple[Statement[Any], tuple[Any, ...]], CachedResult] = {}
        self._subjects: defaultdict[str, set[str]] = defaultdict(set)
        """The subjects with a mark that were noted last, by kind."""
        self._older_subjects: Mapping[str, set[str]] = {}
        """The `MAX_CACHED_SUBJECTS` subjects that were noted before the subjects in `_subjects`; at first none."""
        self._number = 0
        """The number of subjects that were noted last."""

    @property
    def start(self) -> TransactionStart | None:
        """What a transaction reads first, without the time of the database server; None if it is not fresh."""
        return self._start if self._clock.monotonic() < self._noted_at + self.start_lifetime else None

    def note(
        self,
        statement: Statement[Any],
        values: tuple[Any, ...],
        rows: list[tuple[Any, ...]],
        fingerprint: bytes | None = None,
    ) -> None:
        """Note what PostgreSQL has just returned for one of the `CACHED_READS`.

        `fingerprint` is the fingerprint of the rows, if it is known.
        """
        if statement is MARKS.transaction_start:
            self._start = MARKS.transaction_start.make(rows[0])._replace(database_time=None)
            self._noted_at = self._clock.monotonic()
        else:
            self._results[statement, values] = CachedResult(rows, fingerprint)
            if len(self._results) > MAX_CACHED_RESULTS:
                del self._results[next(iter(self._results))]

    def note_commit(self, last_event_id: int, next_evaporation: Instant) -> None:
        """Note the last event of a committed transaction, and the earliest end of the marks that it read or wrote."""
        if (start := self._start) is not None:
            end = next_evaporation if start.next_evaporation is None else min(start.next_evaporation, next_evaporation)
            self._start = start._replace(last_event_id=last_event_id, next_evaporation=end)

    def note_subject(self, kind: str, subject: str) -> None:
        """Note that a subject has a mark of a kind."""
        noted = self._subjects[kind]
        if subject in noted:
            return
        noted.add(subject)
        self._number += 1
        if self._number >= MAX_CACHED_SUBJECTS:
            self._older_subjects, self._subjects, self._number = self._subjects, defaultdict(set), 0

    def find(self, statement: Statement[Any], names: Sequence[str], values: tuple[Any, ...]) -> CachedResult | None:
        """Return the probable result of a read; None if there is none."""
        if statement.name in USUALLY_EMPTY_READS:
            return None if self._has_mark(dict(zip(names, values, strict=True))) else NO_ROWS
        return self._results.get((statement, values))

    def clear(self) -> None:
        """Drop everything: a result was no longer true."""
        self._start = None
        self._results.clear()

    def _has_mark(self, values: Mapping[str, Any]) -> bool:
        subject = values.get("subject")
        return any(subject in noted.get(values["kind"], ()) for noted in (self._subjects, self._older_subjects))
