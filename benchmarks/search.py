"""The cost of full-text search: deposits of a searched kind beside one that is not, queries, and bytes.

    python -m benchmarks.search --notes 1000000

The notes have 200 words from a vocabulary whose frequencies follow Zipf's law, and occurred over the last 180 days, so
that their strengths differ. The board is filled with as many marks of a kind that is not searched, and deposits of both
kinds are then made in turn.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import accumulate, islice
from pathlib import Path

from blackboard import Blackboard, Exponential, Mark

WORDS = 200
VOCABULARY = 200_000
BATCH = 1000
POOL = 3_000_000
HALF_LIFE = Exponential(half_life="60d")
FLOOR = 0.0001
Times = tuple[float, float]


class Note(Mark, kind="note", decay=HALF_LIFE, floor=FLOOR, on_repeat="separate", search=["title", "text"]):
    """A note that is searched."""

    title: str
    text: str


class Plain(Mark, kind="plain", decay=HALF_LIFE, floor=FLOOR, on_repeat="separate"):
    """The same note in a kind that is not searched."""

    title: str
    text: str


class Texts:
    """Texts of random words, the n-th most frequent of which has the frequency 1 / n."""

    def __init__(self, seed: int = 1) -> None:
        self._rng = random.Random(seed)
        weights = list(accumulate(1 / n for n in range(1, VOCABULARY + 1)))
        self.words = [_word(n) for n in range(VOCABULARY)]
        self._said = self._rng.choices(self.words, cum_weights=weights, k=POOL)

    def text(self, length: int) -> str:
        """Return a text of a number of words: a part of a long text, because drawing each word takes longer."""
        begin = self._rng.randrange(POOL - length)
        return " ".join(self._said[begin : begin + length])

    def note(self, kind: type[Note | Plain]) -> Note | Plain:
        """Return a note with 5 words in its title."""
        return kind(subject=f"note/{self._rng.randrange(10**9)}", title=self.text(5), text=self.text(WORDS - 5))

    def age(self) -> timedelta:
        """Return a random age up to 180 days."""
        return timedelta(seconds=self._rng.uniform(0, 180 * 86_400))


def _word(number: int) -> str:
    """Return a word of 2 to 8 letters."""
    letters = ""
    number = number * 7 + 27
    while number:
        number, rest = divmod(number, 26)
        letters += chr(97 + rest)
    return letters


def main() -> None:
    """Fill a board, measure, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notes", type=int, nargs="+", default=[20_000], help="numbers of notes to measure at, rising")
    parser.add_argument("--folder", type=Path, help="where the board is made; by default a temporary folder")
    parser.add_argument("--board", type=Path, help="a board that is kept, and filled as far as it is not yet")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = arguments.board or Path(folder) / "b.db"
        with Blackboard.open(path) as board:
            loaded = sum(each.marks for each in board.status().searches)
            texts = Texts(seed=loaded + 1)
            gc.freeze()  # otherwise a search would pay for passes through these words
            for notes in arguments.notes:
                loaded += measure(board, path, texts, loaded, notes)


def measure(board: Blackboard, path: Path, texts: Texts, loaded: int, notes: int) -> int:
    """Fill a board with notes, print what was measured, and return how many notes were added."""
    now = board.now()
    before, began = path.stat().st_size, time.perf_counter()
    for _ in range(loaded, notes, BATCH):
        _load(board, texts, Note, now)
        _load(board, texts, Plain, now)
        board.database.checkpoint()
    if notes > loaded:
        size = (path.stat().st_size - before) / (notes - loaded)
        print(
            f"{notes} notes of {WORDS} words, and as many that are not searched: loaded in"
            f" {time.perf_counter() - began:.0f} s, {size:.0f} bytes for both"
        )
    _report("bulk load, us a note", BATCH, _in_turn(lambda kind: _load(board, texts, kind, now), 10))
    _report("single deposit, us", 1, _in_turn(lambda kind: _deposit(board, texts, kind), 300))
    documents = board.status().searches[0].marks
    print(f"bytes of a note in the index: {_index_bytes(board) / documents:.0f}; its text: {len(texts.text(WORDS))}")
    for low, high in ((1, 100), (100, 1000), (1000, 10_000), (9000, 10_000), (10_001, 10**9)):
        _queries(board, texts, documents, low, high)
    return documents - loaded


def _timed(work: Callable[[], object]) -> Times:
    """Return how long work took, in seconds, and how long it used the processor."""
    began, began_to_use = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - began_to_use


def _load(board: Blackboard, texts: Texts, kind: type[Note | Plain], now: datetime) -> Times:
    """Deposit a batch, and return how long that took."""
    batch = [texts.note(kind) for _ in range(BATCH)]
    ages = [now - texts.age() for _ in batch]
    return _timed(lambda: board.deposit_many(batch, occurred_at=ages))


def _deposit(board: Blackboard, texts: Texts, kind: type[Note | Plain]) -> Times:
    note = texts.note(kind)
    return _timed(lambda: board.deposit(note))


def _in_turn(measured: Callable[[type[Note | Plain]], Times], times: int) -> Iterator[tuple[Times, Times]]:
    """Yield a measure of a searched deposit and one of a plain deposit, made in turn."""
    for _ in range(times):
        yield measured(Note), measured(Plain)


def _report(name: str, notes: int, pairs: Iterator[tuple[Times, Times]]) -> None:
    searched, plain = (list(zip(*times, strict=True)) for times in zip(*pairs, strict=True))
    for what, slow, fast in zip(("", ", of the processor"), searched, plain, strict=True):
        one, other = (statistics.median(times) / notes * 1e6 for times in (slow, fast))
        means = statistics.fmean(slow) / statistics.fmean(fast)  # with the merges of the index, which are few and long
        print(
            f"{name}{what}: searched {one:.0f}, not searched {other:.0f}, ratio {one / other:.2f}, of the means"
            f" {means:.2f}",
            flush=True,
        )


def _index_bytes(board: Blackboard) -> int:
    """Return the bytes of the content of the index, without the pages' own."""
    [row] = board.query(
        "SELECT (SELECT sum(length(block)) FROM search_index_data) + (SELECT sum(length(sz) + 4) FROM"
        " search_index_docsize) + (SELECT count(*) * 12 FROM search_doc)",
        timeout="10m",
    )
    return int(row[0] or 0)


def _queries(board: Blackboard, texts: Texts, notes: int, low: int, high: int) -> None:
    """Measure searches of words that a range of notes have."""
    expected = [notes * WORDS / (n * 12.8) for n in range(1, VOCABULARY + 1)]  # 12.8: the sum of all 1 / n
    near = [word for word, number in zip(texts.words, expected, strict=True) if low / 2 <= number < 2 * high]
    random.Random(2).shuffle(near)
    chosen = [*islice((word for word in near if low <= _matches(board, word) <= high), 40 if high <= 10_000 else 5)]
    if not chosen:
        return
    times = [_timed(lambda word=word: board.search(word, kind=Note, limit=10)) for word in chosen]  # type: ignore[misc]
    took, used = (sorted(1000 * each for each in part) for part in zip(*times, strict=True))
    print(
        f"search of a word of {low} to {min(high, notes)} notes, ms: p50 {statistics.median(took):.1f},"
        f" p95 {took[int(len(took) * 0.95)]:.1f}; of the processor p50 {statistics.median(used):.1f}",
        flush=True,
    )


def _matches(board: Blackboard, word: str) -> int:
    """Return the number of notes that have a word. It differs from the expected number."""
    [(count,)] = board.query("SELECT count(*) FROM search_index WHERE search_index MATCH ?", [word], timeout="10m")
    assert isinstance(count, int)
    return count


if __name__ == "__main__":
    main()
