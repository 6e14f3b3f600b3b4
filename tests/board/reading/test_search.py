"""Marks are found by their text, by relevance times strength, and the index always equals the marks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import Blackboard, Mark
from blackboard.board.search_index import search_ranking, text_search
from blackboard.core.marks.decay import Exponential, Linear, Never, Step
from blackboard.core.marks.full_text import words_of
from blackboard.core.marks.kinds import Kind
from blackboard.durations import DAY, HOUR
from blackboard.errors import ConfigurationError, InvalidMark, InvalidSearch, UnknownName, UsageError
from blackboard.store.dialects import sqlite_dialect
from blackboard.store.dialects.full_text_queries import fold_text, tsquery, tsvector
from blackboard.store.statements import SEARCH
from tests.support.search_checks import check_index, embedded, subjects
from tests.support.world import World

HALF_DAY = Exponential(half_life="12h")


class Note(Mark, kind="note", decay=HALF_DAY, on_repeat="replace", search=["title", "text"], tags=["topic"]):
    title: str
    text: str | None = None
    topic: str = ""
    pages: int = 0


class Memo(Mark, kind="memo", decay=HALF_DAY, on_repeat="separate", search=["text"]):
    text: str


class Plain(Mark, kind="plain", on_repeat="separate"):
    text: str


def test_what_faded_sinks(world: World) -> None:
    board = world.board
    board.deposit(Note(subject="old", title="Pricing objections"))
    world.advance(HOUR * 12)
    board.deposit(Note(subject="weak", title="Pricing objections", intensity=0.9))
    board.deposit(Note(subject="other", title="The weather"))
    found = board.search("pricing objections", kind=Note)
    assert subjects(found) == ["weak", "old"]
    assert found.scores == pytest.approx(
        [each.strength * relevance for each, relevance in zip(found, found.relevances, strict=True)]
    )
    assert found.scores[0] / found.scores[1] == pytest.approx(0.9 / 0.5)
    assert found.exact
    assert found.complete
    assert isinstance(found[0], Note)
    assert [record.payload["title"] for record in board.search("weather")] == ["The weather"]


def test_words_are_compared_without_case_and_accents_and_begin_with_a_prefix(world: World) -> None:
    board = world.board
    board.deposit(Note(subject="a", title="Über die Preisgestaltung", text="Café Ångström"))
    board.deposit(Note(subject="b", title="Priced too high", text="e-mail from Ada"))
    for text in ("uber", "ÜBER", "cafe angstrom", "CAFÉ", "preis*", "Ångstr*"):
        assert subjects(board.search(text)) == ["a"], text
    assert subjects(board.search("pric*")) == ["b"]
    assert subjects(board.search("e-mail")) == ["b"]
    assert subjects(board.search("mail-e")) == []
    assert subjects(board.search("pric")) == []
    assert sorted(subjects(board.search("weather cafe ada", match="any"))) == ["a", "b"]
    assert subjects(board.search("weather cafe ada")) == []


def test_a_search_without_words_finds_nothing(world: World) -> None:
    world.board.deposit(Note(subject="a", title="Something"))
    for text in ("", " ", "!!! ...", "\x00", "😀", "*"):
        assert subjects(world.board.search(text)) == []


def test_only_live_marks_are_found_unless_faded_ones_are_wanted(world: World) -> None:
    board = world.board
    board.deposit(Note(subject="a", title="Pricing", topic="sales"))
    board.deposit(Note(subject="gone", title="Pricing"))
    board.withdraw(board.marks(Note, subject="gone")[0].id)
    world.advance(DAY * 30)
    board.deposit(Note(subject="b", title="Pricing pricing", topic="sales"))
    for _ in range(2):  # before and after a daemon has moved it to the history
        assert subjects(board.search("pricing")) == ["b"]
        assert subjects(board.search("pricing", faded=True)) == ["b", "a"]
        assert subjects(board.search("pricing", kind=Note, faded=True, where={"topic": "sales"})) == ["b", "a"]
        assert subjects(board.search("pricing", kind=Note, faded=True, where={"topic": "other"})) == []
        [_, old] = board.search("pricing", faded=True)
        assert (old.payload["title"], old.author) == ("Pricing", board.author)
        assert 0 < old.strength < 1e-10
        check_index(board)
        world.evaporate()


def test_a_deposit_changes_what_is_found_in_its_transaction(world: World) -> None:
    board = world.board
    board.deposit(Note(subject="a", title="Pricing", text="too dear"))
    board.deposit(Note(subject="a", title="Weather", text="too cold"))
    assert subjects(board.search("pricing")) == []
    assert subjects(board.search("weather cold")) == ["a"]
    with pytest.raises(InvalidMark):
        board.deposit_many([Note(subject="a", title="Rain"), Note(subject="", title="Rain")])
    assert subjects(board.search("rain")) == []
    receipt = board.reinforce(board.marks(Note)[0].id, by=1.0)
    assert board.search("weather")[0].event_id == receipt.event_id
    board.deposit(Note(subject="a", title="Snow"), occurred_at=board.now() - timedelta(hours=1))  # stale
    assert subjects(board.search("snow")) == []
    check_index(board)


def test_tags_and_kinds_narrow_a_search(world: World) -> None:
    board = world.board
    board.deposit(Note(subject="a", title="Pricing", topic="sales"))
    board.deposit(Note(subject="b", title="Pricing", topic="support"))
    board.deposit(Memo(subject="c", text="pricing"))
    board.deposit(Plain(subject="d", text="pricing"))
    assert sorted(subjects(board.search("pricing"))) == ["a", "b", "c"]
    assert subjects(board.search("pricing", kind=Memo)) == ["c"]
    assert subjects(board.search("pricing", where={"topic": "sales"})) == ["a"]
    assert sorted(subjects(board.search("pricing", kind="note", where={"topic": ["sales", "support"]}))) == ["a", "b"]
    assert len(board.search("pricing", limit=2)) == 2
    with pytest.raises(UsageError, match="'plain' is not searched"):
        board.search("pricing", kind="plain")
    with pytest.raises(UnknownName, match="colour"):
        board.search("pricing", where={"colour": "red"})
    with pytest.raises(UsageError, match="limit"):
        board.search("pricing", limit=0)


def test_a_board_without_searched_kinds_has_no_index(world: World) -> None:
    world.board.deposit(Plain(subject="d", text="pricing"))
    with pytest.raises(UsageError, match="no kind of this board is searched"):
        world.board.search("pricing")
    assert world.board.session.read(lambda txn: txn.sql.value(SEARCH.has_index)) == 0
    assert list(world.board.search("pricing", kind=Note)) == []
    assert world.board.query("SELECT * FROM searchable_marks") == []


def test_raw_queries_take_the_language_of_the_database(world: World) -> None:
    board = world.board
    board.deposit(Note(subject="a", title="net promoter score"))
    board.deposit(Note(subject="b", title="promoter net"))
    is_embedded = embedded(board)
    assert subjects(board.search('"net promoter"' if is_embedded else "net <-> promoter", raw=True)) == ["a"]
    both = "net NOT score" if is_embedded else "net & !score"
    assert subjects(board.search(both, raw=True)) == ["b"]
    for wrong in ("net AND" if is_embedded else "net &", "(", "*reads", "net\x00"):
        with pytest.raises(InvalidSearch):
            board.search(wrong, raw=True)
    assert subjects(board.search("net")) == ["b", "a"]


@pytest.mark.parametrize("seed", range(4))
def test_the_first_marks_are_those_of_the_whole_order(world: World, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(search_ranking, "FIRST_MATCHES", 3)
    monkeypatch.setattr(search_ranking, "MARKS_PER_MATCH", seed + 1)
    board, rng = world.board, random.Random(seed)
    laws = [None, None, Never(), Exponential(half_life="1h"), Step("2d"), *([Linear("3d")] if seed == 3 else [])]
    for number in range(60):
        text = "pricing " * rng.randint(1, 3) + "filler " * rng.choice([0, 0, 5, 40])
        note = Note(subject=f"s{number}", title=text, intensity=rng.choice([0.2, 1.0, 3.0]), topic=rng.choice("ab"))
        mark = note if rng.random() < 0.7 else Memo(subject=note.subject, text=text, intensity=note.intensity)
        occurred_at = board.now() - timedelta(hours=rng.randint(0, 60))
        board.deposit(mark, decay=rng.choice(laws), occurred_at=occurred_at)
    world.advance(HOUR)
    for kind, where in ((Note, None), (Note, {"topic": "a"}), (None, None), (Memo, None)):
        every = board.search("pricing", kind=kind, where=where, limit=100)
        assert list(every.scores) == sorted(every.scores, reverse=True)
        assert set(subjects(every)) <= {mark.subject for mark in board.marks()}
        for limit in (1, 4, 10):
            found = board.search("pricing", kind=kind, where=where, limit=limit)
            assert (found.scores, subjects(found)) == (every.scores[:limit], subjects(every)[:limit])


def test_many_matches_are_ordered_among_the_most_relevant(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_search, "MAX_EXACT", 20)
    monkeypatch.setattr(text_search, "RERANKED", 5)
    monkeypatch.setattr(search_ranking, "FIRST_MATCHES", 2)
    board = world.board
    for number in range(20):
        text = "pricing " + "filler " * number
        board.deposit(Note(subject=f"s{number:02}", title=text, intensity=0.1 + number / 10, topic=str(number % 2)))
    strongest = board.search("pricing", limit=3)
    assert strongest.exact
    every = board.search("pricing", limit=100)
    assert subjects(strongest) == subjects(every)[:3]
    assert len(every) == 20
    board.deposit(Note(subject="s20", title="pricing " + "filler " * 20, intensity=50.0, topic="1"))
    found = board.search("pricing", limit=2)
    assert not found.exact
    assert subjects(found) == ["s04", "s03"]
    tagged = board.search("pricing", kind=Note, where={"topic": "1"}, limit=1)
    assert tagged.exact
    assert subjects(tagged) == ["s20"]


def test_fields_that_cannot_be_searched_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="no field 'name'"):
        Kind("note", search=("name",), payload_schema=Note.payload_schema())
    with pytest.raises(ConfigurationError, match="'pages' must be a text"):
        Kind("note", search=("pages",), payload_schema=Note.payload_schema())
    with pytest.raises(ConfigurationError, match="twice"):
        Kind("note", search=("title", "title"))
    with pytest.raises(ConfigurationError, match="quote"):
        Kind("note", search=('a"b',))


@pytest.mark.file_only("PostgreSQL has its own full text")
def test_a_library_without_full_text_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.board.deposit(Plain(subject="a", text="x"))
    monkeypatch.setattr(sqlite_dialect, "has_full_text", lambda: False)
    with pytest.raises(ConfigurationError, match=r"kinds\.note\.search: .*without FTS5"):
        world.board.deposit(Note(subject="a", title="x"))
    world.board.deposit(Plain(subject="a", text="x"))


@pytest.mark.postgresql
def test_marks_that_faded_or_lack_a_tag_take_no_place_among_many_matches(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_search, "MAX_EXACT", 4)
    monkeypatch.setattr(text_search, "RERANKED", 3)
    board = world.board
    board.deposit_many(Note(subject=f"faded{number}", title="pricing", topic="a") for number in range(40))
    world.advance(DAY * 30)
    for number in range(4):
        board.deposit(Note(subject=f"live{number}", title="pricing " + "filler " * (9 - number), topic="a"))
    found = board.search("pricing", kind=Note)
    assert (found.exact, subjects(found)) == (True, ["live3", "live2", "live1", "live0"])
    assert len(board.search("pricing", kind=Note, faded=True, limit=100)) == 3
    board.deposit(Note(subject="other", title="pricing", topic="b"))
    found = board.search("pricing", kind=Note)
    assert (found.exact, subjects(found)) == (False, ["other", "live3", "live2"])
    assert subjects(board.search("pricing", kind=Note, where={"topic": "b"}, faded=True)) == ["other"]
    assert board.search("pricing", kind=Note, where={"topic": "a"}).exact


TEXTS = st.text(max_size=12) | st.sampled_from(
    [
        '"',
        "'",
        "a AND",
        "NEAR(a, b)",
        "title:",
        "^a",
        "a*",
        "-a",
        "(",
        "{a b}: c",
        "a + b",
        "\x00",
        "😀",
        "\ud800",
        "*id",
    ]
)


@pytest.fixture(scope="module")
def board_with_a_note(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blackboard]:
    with Blackboard.open(tmp_path_factory.mktemp("search") / "board.db") as board:
        board.deposit(Note(subject="a", title="a AND b"))
        yield board


@given(st.lists(TEXTS, max_size=4))
def test_no_text_of_a_user_is_a_mistake(board_with_a_note: Blackboard, parts: list[str]) -> None:
    text = " ".join(parts)
    board_with_a_note.search(text)
    board_with_a_note.search(text, match="any")
    assert "\x00" not in tsquery(words_of(text), "all")


@given(st.text(max_size=40))
def test_a_mark_is_found_by_each_word_that_it_says(text: str) -> None:
    said = fold_text(text.encode(errors="replace").decode())
    vector = tsvector(said)
    for word in words_of(said):
        query = tsquery([word], "all").removesuffix(":*").strip("()")
        assert all(part in vector for part in query.split(" <-> "))
