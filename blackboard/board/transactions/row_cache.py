"""A cache of the rows that a transaction has read together, because on PostgreSQL each message costs a round trip.

The rows are the stored marks of subjects, the keys of deposits, the events of marks that watches have absorbed, and
marks with their last events. The transaction uses them instead of reading the tables again. So whatever it writes to
these tables is also noted here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import product

from blackboard.store.row_types.mark_row_types import DepositKeyRow, MarkRow, MarkWithEvent
from blackboard.store.row_types.watch_row_types import AbsorbedRow
from blackboard.store.statements import CROSSINGS, MARKS
from blackboard.store.transaction import SqlRead, Transaction


def absorbed_by_watches(transaction: Transaction, watch_ids: Iterable[int], kind: str, subject: str) -> SqlRead:
    """Return the read that finds what watches have absorbed of a subject's stored marks of a kind."""
    values = {"watch_ids": transaction.list_of(watch_ids), "kind": kind, "subject": subject}
    return CROSSINGS.absorbed_by_watches, values


class RowCache:
    """The rows that a transaction has read together, as they are now."""

    __slots__ = ("_absorbed", "_keys", "_marks", "_watches", "_watermarks", "_with_events")

    def __init__(self) -> None:
        self._marks: defaultdict[str, dict[str, tuple[MarkRow, ...]]] = defaultdict(dict)
        """The stored marks of subjects, newest first, by kind and subject."""
        self._keys: dict[str, list[DepositKeyRow]] = {}
        self._absorbed: dict[tuple[int, int], AbsorbedRow | None] = {}
        self._watches: set[int] = set()
        """The watches whose absorbed marks were read."""
        self._watermarks: dict[int, int] = {}
        self._with_events: dict[int, MarkWithEvent] = {}

    def read_marks(self, transaction: Transaction, places: Iterable[tuple[str, str]]) -> None:
        """Read the stored marks of kinds and subjects, with one statement for each kind."""
        subjects: dict[str, list[str]] = defaultdict(list)
        for kind, subject in dict.fromkeys(places):
            if subject not in self._marks[kind]:
                subjects[kind].append(subject)
        for kind, missing in subjects.items():
            rows_by_subject: dict[str, list[MarkRow]] = defaultdict(list)
            for row in transaction.all(MARKS.marks_of_subjects, kind=kind, subjects=transaction.list_of(missing)):
                rows_by_subject[row.subject].append(row)
            self._marks[kind] |= dict.fromkeys(missing, ())
            self._marks[kind] |= {subject: tuple(rows) for subject, rows in rows_by_subject.items()}

    def note_marks(self, kind: str, subject: str, rows: Iterable[MarkRow]) -> None:
        """Note the stored marks of a kind and subject, newest first, which the caller has read."""
        self._marks[kind][subject] = tuple(rows)

    def read_keys(self, transaction: Transaction, keys: Iterable[str]) -> None:
        """Read all requests that were made with some keys, by any author and for any kind."""
        if missing := [key for key in dict.fromkeys(keys) if key not in self._keys]:
            self._keys |= {key: [] for key in missing}
            for row in transaction.all(MARKS.keys_of_deposits, keys=transaction.list_of(missing)):
                self._keys[row.key].append(row)

    def read_absorbed(self, transaction: Transaction, watch_id: int, mark_ids: Iterable[int]) -> None:
        """Read the event up to which a watch has absorbed each of some marks. Without marks, read nothing."""
        if missing := [mark_id for mark_id in dict.fromkeys(mark_ids) if (watch_id, mark_id) not in self._absorbed]:
            self._absorbed |= {(watch_id, mark_id): None for mark_id in missing}
            for row in transaction.all(
                CROSSINGS.absorbed_of_marks, watch_id=watch_id, mark_ids=transaction.list_of(missing)
            ):
                self._absorbed[watch_id, row.mark_id] = row
            self._watches.add(watch_id)

    def read_absorbed_of_subject(
        self, transaction: Transaction, watch_ids: Collection[int], kind: str, subject: str, mark_ids: Collection[int]
    ) -> None:
        """Read the absorbed events of all stored marks of a kind and subject, and the watermarks of the watches."""
        pairs = [*product(watch_ids, mark_ids)]
        if all(pair in self._absorbed for pair in pairs):
            return
        statement, values = absorbed_by_watches(transaction, watch_ids, kind, subject)
        self._absorbed |= dict.fromkeys(pairs)
        self._watches.update(watch_ids)
        for row in transaction.all(statement, **values):
            self._watermarks[row.watch_id] = row.watermark or 0
            if row.absorbed is not None:
                self._absorbed[row.watch_id, row.absorbed.mark_id] = row.absorbed

    def read_watermark(self, transaction: Transaction, watch_id: int) -> None:
        """Read the watermark of a watch."""
        if watch_id not in self._watermarks:
            self._watermarks[watch_id] = transaction.one(CROSSINGS.get_watermark, id=watch_id) or 0

    def read_marks_with_events(self, transaction: Transaction, mark_ids: Iterable[int]) -> None:
        """Read some marks, each with the event that produced its state."""
        for found in transaction.all(MARKS.marks_with_events, ids=transaction.list_of(mark_ids)):
            self._with_events[found.mark.id] = found

    def mark_with_event(self, mark_id: int) -> MarkWithEvent | None:
        """Return a mark with the event that produced its state; None if it was not read before, or there is none."""
        return self._with_events.get(mark_id)

    def has_absorbed(self, watch_id: int, mark_id: int) -> bool:
        """Return whether the absorbed event of a mark and a watch is known."""
        return (watch_id, mark_id) in self._absorbed

    def absorbed_event(self, watch_id: int, mark_id: int) -> AbsorbedRow | None:
        """Return the absorbed event of a mark and a watch, which is known; None if the watch has absorbed no event."""
        return self._absorbed[watch_id, mark_id]

    def watermark(self, watch_id: int) -> int | None:
        """Return the watermark of a watch; None if it is not known."""
        return self._watermarks.get(watch_id)

    def drop_absorbed(self, mark_id: int | None = None) -> None:
        """Drop the absorbed events of a mark, or of all marks, because the transaction changes them."""
        if mark_id is None:
            self._absorbed.clear()
            self._watches.clear()
            self._watermarks.clear()
        else:
            for watch_id in self._watches:
                self._absorbed.pop((watch_id, mark_id), None)

    def marks_of(self, kind: str, subject: str) -> Sequence[MarkRow] | None:
        """Return the stored marks of a kind and subject, newest first; None if they are not known."""
        return self._marks[kind].get(subject)

    def is_known(self, key: str) -> bool:
        """Return whether the requests with a key are known."""
        return key in self._keys

    def request_with(self, author: str, kind: str, key: str) -> DepositKeyRow | None:
        """Return the first known request with a key; see `MARKS.find_key`."""
        found = (row for row in self._keys[key] if row.author in (author, "") and row.kind in (kind, ""))
        return next(found, None)

    def note_key(self, row: DepositKeyRow) -> None:
        """Note that a key was recorded."""
        if (known := self._keys.get(row.key)) is not None:
            known.append(row)

    def note_new(self, row: MarkRow) -> None:
        """Note that a mark was inserted. Its id is the highest of all, and no watch has absorbed it."""
        for watch_id in self._watches:
            self._absorbed[watch_id, row.id] = None
        marks = self._marks[row.kind]
        if (known := marks.get(row.subject)) is not None:
            marks[row.subject] = (row, *known)

    def note_change(self, row: MarkRow) -> None:
        """Note that a mark was changed."""
        self._with_events.pop(row.id, None)
        marks = self._marks[row.kind]
        if (known := marks.get(row.subject)) is not None:
            marks[row.subject] = tuple(row if each.id == row.id else each for each in known)

    def note_gone(self, row: MarkRow) -> None:
        """Note that a mark was deleted."""
        self._with_events.pop(row.id, None)
        marks = self._marks[row.kind]
        if (known := marks.get(row.subject)) is not None:
            marks[row.subject] = tuple(each for each in known if each.id != row.id)
