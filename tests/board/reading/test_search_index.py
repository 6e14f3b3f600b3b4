"""The full-text index follows changes of its fields, in steps, and loses what is erased to the byte."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from blackboard import Blackboard, ManualClock, Mark, agent, search, strength
from blackboard.board.activations.run_ends import activation_splits
from blackboard.board.backups_and_copies import back_up
from blackboard.board.daemon_work.worker import Worker
from blackboard.board.housekeeping.board_maintenance import BoardMaintenance
from blackboard.board.search_index import index_rebuilds
from blackboard.core.marks.decay import Exponential
from blackboard.core.specs.deployment import Deployment
from blackboard.core.specs.kind_spec import KindSpec
from blackboard.durations import DAY, MINUTE
from blackboard.errors import ConfigurationError
from blackboard.settings.deployment_resolver import resolve_file
from blackboard.store.sqlite import sqlite_backups
from blackboard.store.sqlite.sqlite_database import SqliteDatabase
from blackboard.store.statements import SEARCH
from tests.support.file_boards import sqlite_database_of
from tests.support.search_checks import check_index, embedded, subjects
from tests.support.world import World


class Note(Mark, kind="note", decay=Exponential(half_life="1d"), on_repeat="replace", search=["title", "text"]):
    title: str
    text: str = ""


class Question(Mark, kind="question", on_repeat="separate"):
    question: str = ""


def spec(*fields: str) -> KindSpec:
    return KindSpec.of(Note.defaults).model_copy(update={"search": fields})


def fill(world: World) -> None:
    """Index all that waits, in batches of two."""
    while world.board.session.write(lambda txn: index_rebuilds.run_batch(txn, 2)):
        check_index(world.board)


def test_an_index_is_filled_in_the_background_and_says_how_far_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_rebuilds, "MARKS_INDEXED_AT_ONCE", 2)
    board = world.board
    board.deploy(Deployment(kinds={"note": spec()}))
    for number in range(7):
        board.deposit("note", subject=f"old{number}", payload={"title": "pricing", "text": f"old {number}"})
    world.advance(DAY * 30)
    world.evaporate()
    for number in range(7):
        board.deposit("note", subject=f"s{number}", payload={"title": "pricing", "text": f"text {number}"})
    board.withdraw(board.marks("note", subject="s6")[0].id)
    board.deploy(Deployment(kinds={"note": spec("title")}))
    [progress] = board.status().searches
    assert (progress.doing, progress.complete, progress.marks) == ("adding live marks", False, 2)
    assert 0 < progress.share < 1
    found = board.search("pricing", limit=100)
    assert not found.complete
    assert len(found) == 2
    board.deposit("note", subject="s5", payload={"title": "weather"})  # before its turn
    board.reinforce(board.marks("note", subject="s4")[0].id, by=1.0)
    fill(world)
    [progress] = board.status().searches
    assert (progress.doing, progress.complete, progress.share, progress.marks) == ("", True, 1.0, 13)
    found = board.search("pricing", limit=100)
    assert found.complete
    assert sorted(subjects(found)) == ["s0", "s1", "s2", "s3", "s4"]
    assert len(board.search("pricing", faded=True, limit=100)) == 12
    assert subjects(board.search("weather")) == ["s5"]


def test_other_fields_make_a_new_index_and_the_former_one_is_removed(world: World) -> None:
    board = world.board
    board.deploy(Deployment(kinds={"note": spec("title")}))
    for number in range(5):
        board.deposit("note", subject=f"s{number}", payload={"title": f"title {number}", "text": "pricing"})
    assert subjects(board.search("pricing")) == []
    result = board.deploy(Deployment(kinds={"note": spec("text")}))
    assert result.changed == ("kind note: search",)
    assert len(board.search("pricing")) == 5
    assert subjects(board.search("title")) == []
    check_index(board)
    assert [progress.doing for progress in board.status().searches] == ["removing a former index", ""]
    fill(world)
    assert [progress.marks for progress in board.status().searches] == [5]
    board.deploy(Deployment(kinds={"note": spec()}))
    fill(world)
    assert board.status().searches == ()
    assert board.session.read(lambda txn: txn.sql.all(SEARCH.next_docs, after=0, last=2**62, limit=1)) == []


def test_a_backup_has_the_index_and_a_restored_board_is_searched(tmp_path: Path) -> None:
    path = tmp_path / "board.db"
    with Blackboard.open(path, author="person:ada") as board:
        board.deposit(Note(subject="kept", title="Pricing objections"))
        made = sqlite_backups.back_up(sqlite_database_of(board), tmp_path / "copy.db")
        board.deposit(Note(subject="lost", title="Pricing again"))
    sqlite_backups.restore(made.path, SqliteDatabase.at(path), "20270131T000000Z")
    with Blackboard.open(path, author="person:ada") as board:
        assert subjects(board.search("pricing")) == ["kept"]
        check_index(board)
        board.deposit(Note(subject="new", title="New prices"))
        assert subjects(board.search("new")) == ["new"]
        check_index(board)


SECRETS = ("zanzibarone", "zanzibartwo", "zanzibarthree", "quetzalcoatl")


def said(path: Path) -> list[str]:
    """Return the secrets that can be read in the files of a board."""
    content = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*") if file.is_file())
    return [word for word in SECRETS if word.encode() in content.lower()]


def fill_with_secrets(board: Blackboard) -> None:
    """Deposit notes about "ada" with secrets, in several parts of the index, and in texts that were replaced."""
    for number in range(60):
        board.deposit(Note(subject=f"n{number}", title=f"zanzibar{number} pricing", text=f"word{number} " * 20))
    for word in SECRETS:
        board.deposit(Note(subject="ada", title=f"a {word.title()} note", text=f"{word} {word}"))
    board.deposit(Note(subject="ada", title="harmless"))


def test_forgetting_erases_words_from_the_index_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "board.db"
    with Blackboard.open(path) as board:
        fill_with_secrets(board)
        assert said(path) == list(SECRETS)
        assert board.forget("ada").not_compacted is None
        assert said(path) == []
        assert subjects(board.search("harmless", faded=True)) == []
        assert len(board.search("pricing", limit=100)) == 60
        check_index(board)
        assert board.session.read(lambda txn: txn.sql.value(SEARCH.owed_purge)) is None
    assert said(path) == []


def test_retention_erases_words_from_the_index_within_a_day(tmp_path: Path) -> None:
    path, clock = tmp_path / "board.db", ManualClock()
    with Blackboard.open(path, clock=clock) as board:
        fill_with_secrets(board)
        clock.advance(timedelta(days=30))
        work = BoardMaintenance(board.session)
        while work.evaporate(1000):
            pass
        board.deposit(Note(subject="new", title="something new"))
        assert len(board.search("harmless", faded=True)) == 1
        keep = {"history": DAY * 10, "activations": None, "model_calls": None}
        while work.remove_history(keep, 50):
            check_index(board)
        assert list(board.search("harmless", faded=True)) == []
        assert not work.is_compaction_due()
        clock.advance(timedelta(days=1))
        assert work.is_compaction_due()
        assert work.compact()
        assert said(path) == []
        assert not work.is_compaction_due()
        assert subjects(board.search("new")) == ["new"]
        check_index(board)


@agent(watches=strength(Question) >= 0.5, reads=[search(Note, from_="question", limit=2)])
def recall(marks: list[Question], context: object) -> None: ...


def test_an_agent_is_given_what_it_searches_before_its_claim(world: World) -> None:
    board = world.board
    board.deploy(recall, kinds=[Note])
    for number, title in enumerate(["The weather", "Pricing objections", "Old prices", "Pricing again"]):
        board.deposit(Note(subject=f"n{number}", title=title, intensity=1.0 - number / 10))
    board.deposit(Question(subject="q", question="Any pricing, please?"))
    board.deposit(Question(subject="r", question="the weather?"))
    worker = Worker(board, MINUTE, {"recall": recall.spec.code or ""})
    worker.register()
    [claim] = worker.claim_ready(["recall"], 8)
    assert [item.event.subject for item in claim.reads] == ["n0", "n1", "n3"]  # the weather is the rarer word
    board.withdraw(claim.reads[0].event.mark_id)
    worker.run_ends.hand_back(claim)
    [again] = worker.claim_ready(["recall"], 8)
    assert [item.event.id for item in again.reads] == [item.event.id for item in claim.reads]


def test_what_a_search_found_is_read_best_first_also_in_a_retry_and_a_part(world: World) -> None:
    board = world.board
    board.deploy(recall, kinds=[Note])
    for number, title in enumerate(["Pricing, " + "and much more " * 50, "Pricing objections", "Pricing", "Weather"]):
        board.deposit(Note(subject=f"n{number}", title=title, intensity=1.0 if number != 1 else 0.9))
    board.deposit_many(Question(subject="q", question=text) for text in ("pricing", "of pricing", "the weather"))
    worker = Worker(board, MINUTE, {"recall": recall.spec.code or ""})
    worker.register()
    [claim] = worker.claim_ready(["recall"], 8)
    best = [item.event.subject for item in claim.reads]
    assert best == (["n3", "n2", "n1"] if embedded(board) else ["n2", "n1", "n3"])  # PostgreSQL ignores rarity
    assert {item.event.subject: item.strength for item in claim.reads} == pytest.approx({"n1": 0.9, "n2": 1, "n3": 1})
    assert all(item.relevance is not None and item.relevance > 0 for item in claim.reads)
    worker.run_ends.hand_back(claim)
    [again] = worker.claim_ready(["recall"], 8)
    assert again.reads == claim.reads
    given = [mark for mark in board.activation(claim.row.id).marks if mark.role == "read"]
    assert [mark.subject for mark in given] == best
    [question, *_] = (item.event.mark_id for item in again.inputs)
    board.session.write(lambda txn: activation_splits.isolate(txn, again.row, {question}))
    worker.run_ends.finish(again, [])
    [part] = worker.claim_ready(["recall"], 8)
    assert [item.event.mark_id for item in part.inputs] == [question]
    assert part.reads == claim.reads


def test_a_search_that_cannot_work_is_refused(world: World) -> None:
    class Plain(Mark, kind="plain"):
        text: str

    @agent(watches=strength(Question) >= 0.5, reads=[search(Plain, from_="question")])
    def first(marks: object, context: object) -> None: ...

    @agent(watches=strength(Question) >= 0.5, reads=[search(Note, from_="text")])
    def second(marks: object, context: object) -> None: ...

    with pytest.raises(ConfigurationError, match="'plain' is not searched"):
        world.board.deploy(first)
    with pytest.raises(ConfigurationError, match="no mark that wakes the agent has a field 'text'"):
        world.board.deploy(second)


def test_a_deployment_file_declares_searches(tmp_path: Path) -> None:
    file = tmp_path / "blackboard.toml"
    file.write_text(
        """
        [deployment]
        agents = ["tests.board.reading.test_search_index:recall"]
        [kinds.note]
        search = ["title"]
        [agents.recall]
        reads = [{ search = "note", from = "question", limit = 7 }]
        """
    )
    deployment = resolve_file(file).deployment
    assert deployment.kinds["note"].search == ("title",)
    [read] = deployment.agents["recall"].reads
    assert (read.kind, read.search_from, read.limit) == ("note", "question", 7)


def test_an_index_belongs_to_a_copy_of_the_board(tmp_path: Path) -> None:
    with Blackboard.open(tmp_path / "board.db") as board:
        board.deposit(Note(subject="a", title="pricing"))
        assert embedded(board)
        back_up(board, tmp_path / "copy.db")
    with Blackboard.open(tmp_path / "copy.db") as copy:
        assert subjects(copy.search("pricing")) == ["a"]
        copy.compact()
        copy.deposit(Note(subject="a", title="weather"))
        assert subjects(copy.search("weather")) == ["a"]
        check_index(copy)
