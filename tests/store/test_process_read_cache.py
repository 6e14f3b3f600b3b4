"""What a process remembers of the subjects that have a mark."""

from __future__ import annotations

import pytest

from blackboard.store.postgresql.pipelined_transactions import process_read_cache
from blackboard.store.postgresql.pipelined_transactions.process_read_cache import NO_ROWS, ProcessReadCache
from blackboard.store.statements import MARKS

KEPT = 10


def is_known(cache: ProcessReadCache, number: int) -> bool:
    """Return whether a subject is known to have a mark, so it must be read from the database server."""
    found = cache.find(MARKS.marks_of_subject, ("kind", "subject"), ("lead", f"s/{number}"))
    assert found in (None, NO_ROWS)
    return found is None


@pytest.mark.parametrize("count", [KEPT - 1, KEPT, KEPT + 1, 3 * KEPT + 5])
def test_the_last_subjects_are_cached_and_at_most_twice_as_many(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(process_read_cache, "MAX_CACHED_SUBJECTS", KEPT)
    cache = ProcessReadCache()
    for number in range(count):
        cache.note_subject("lead", f"s/{number}")
        cache.note_subject("lead", f"s/{number}")
    assert all(is_known(cache, number) for number in range(max(0, count - KEPT), count))
    assert sum(is_known(cache, number) for number in range(count)) <= 2 * KEPT
    assert not is_known(cache, count)
