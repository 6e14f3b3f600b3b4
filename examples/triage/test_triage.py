"""The tests of the triage. The files *.board.toml beside this one are also tests."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from anthropic import Anthropic, APIConnectionError
from replay_days_plain import days as days_of_queue

from blackboard import Blackboard, Decision, ManualClock, Need, Overdue, Reinforce, Withdraw
from blackboard.errors import ModelError
from blackboard.testing import ScriptedModel, context, mark
from make_issues import make
from plain import issue_queue
from replay_days import MONDAY, days, load
from scripted_verdicts import serve
from triage import Duplicate, Issue, Original, Triaged, Verdict, Verdicts, clerk, deputy, finder, judge

HERE = Path(__file__).parent
SETTINGS = {"triage": {"people": {"sync": "ada"}, "answer_within": "2h"}}

known = mark(Issue, "1", title="Offline mode ignores dark theme", id=1)
again = mark(Issue, "2", title="Offline mode: dark theme", id=2)
other = mark(Issue, "3", title="Offline mode should support keyboard shortcuts", id=3)
unclear = mark(Issue, "4", title="Offline mode crashes", body="Only sometimes.", id=4)


def verdict(issue: Issue, *, sure: bool = True) -> Verdict:
    return Verdict(id=issue.id or 0, team="sync", type="bug", priority="soon", sure=sure)


def test_a_duplicate_makes_the_first_issue_stronger_and_leaves_the_board() -> None:
    found = list(finder([again, other], context(finder, reads=[known])))
    assert found == [
        *(Duplicate(subject="2", of="1"), Reinforce(known, by=0.5), Withdraw(again)),
        Original(subject="3"),
    ]


def test_of_two_new_issues_the_first_is_the_original() -> None:
    found = list(finder([again, known], context(finder)))
    assert found == [Original(subject="1"), Duplicate(subject="2", of="1"), Reinforce(known, by=0.5), Withdraw(again)]


@pytest.mark.parametrize("title", ["", "??", "It is so"])
def test_an_issue_without_words_is_not_a_duplicate(title: str) -> None:
    empty = mark(Issue, "9", title=title, id=9)
    assert list(finder([empty], context(finder, reads=[known]))) == [Original(subject="9")]


def test_one_call_judges_all_issues_and_a_person_is_asked_where_the_model_is_not_sure() -> None:
    model = ScriptedModel(Verdicts(verdicts=[verdict(unclear, sure=False), verdict(known)]))
    triaged = list(judge([known, unclear], context(judge, model=model, settings=SETTINGS)))
    need = Need(
        subject="4",
        question="Offline mode crashes: when?",
        options=["now", "soon", "later"],
        detail="Only sometimes. The model says soon.",
        due="2h",
        assignee="ada",
        answerable_by=["deputy"],
    )
    assert triaged == [
        Triaged(subject="1", labels=["sync", "bug"], priority="soon", decided_by="model"),
        Triaged(subject="4", labels=["sync", "bug"], priority="soon", decided_by="model"),
        need,
    ]
    assert len(model.requests) == 1


def test_an_answer_that_forgets_an_issue_is_refused() -> None:
    model = ScriptedModel(Verdicts(verdicts=[verdict(known)]))
    with pytest.raises(ModelError, match="issue 4"):
        list(judge([known, unclear], context(judge, model=model)))


def test_the_deputy_decides_as_the_model_proposed() -> None:
    late = mark(Overdue, "4", need=7, question="when?")
    proposed = mark(Triaged, "4", labels=["sync"], priority="now")
    assert list(deputy([late], context(deputy, reads=[proposed]))) == [Decision(subject="4", need=7, answer="now")]


def test_a_decision_changes_the_priority() -> None:
    proposed = mark(Triaged, "4", labels=["sync"], priority="now")
    decision = mark(Decision, "4", answer="later", author="ada")
    assert list(clerk([decision], context(clerk, reads=[proposed]))) == [
        Triaged(subject="4", labels=["sync"], priority="later", decided_by="ada")
    ]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lead the calls of the model to the stand-in."""
    with serve() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.mark.usefixtures("stand_in")
def test_the_days_are_those_of_the_guide_within_the_budget_and_the_plain_queue_decides_the_same(tmp_path: Path) -> None:
    issues, repeats = make()
    with Blackboard.open(tmp_path / "days.db", clock=ManualClock(MONDAY)) as board:
        shown = "\n".join(days(board, issues))
        assert {int(duplicate.subject): int(duplicate.of) for duplicate in board.marks(Duplicate)} == repeats
        spent = [row.usd for row in board.costs(days=7)]
        assert len(spent) == 3
        assert max(spent) <= 0.04
        calls = [row.calls for row in board.costs(days=7)]
        decided = {int(made.subject): (*made.labels, made.priority) for made in board.marks(Triaged)}
    assert f"```text\n{shown}\n```" in (HERE / "README.md").read_text("utf-8")

    with closing(issue_queue.connect(str(tmp_path / "queue.db"))) as db:
        list(days_of_queue(db, Anthropic(), issues))
        plain = db.execute("select number, team, type, priority from issue where duplicate_of is null")
        assert {number: tuple(rest) for number, *rest in plain} == decided
        plain = db.execute("select number, duplicate_of from issue where duplicate_of is not null")
        assert dict(plain.fetchall()) == repeats
        of_each_day = db.execute("select count(*), total(usd) from call group by date(at)").fetchall()
        assert sorted(number for number, _ in of_each_day) == sorted(calls)
        page = (HERE.parents[1] / "docs/comparison.md").read_text("utf-8")
        assert f"| model calls in 3 days | {sum(calls)} | {sum(calls)} |" in page
        assert max(usd for _, usd in of_each_day) <= issue_queue.USD_PER_DAY


def test_a_second_load_stores_nothing_and_a_changed_issue_replaces_what_it_said(tmp_path: Path) -> None:
    issues, _ = make()
    with Blackboard.open(tmp_path / "board.db", clock=ManualClock(MONDAY)) as board:
        load(board, issues)
        before = board.status().last_event_id
        load(board, issues)
        assert board.status().last_event_id == before
        load(board, [issues[0] | {"body": "More words.", "updated_at": "2026-10-31"}])
        assert [issue.body for issue in board.marks(Issue, subject="1")] == ["More words."]
        assert len(board.marks(Issue)) == len(issues)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Return a plain queue with two issues, of which the second repeats the first, and one that is unclear."""
    with closing(issue_queue.connect(str(tmp_path / "queue.db"))) as db:
        titles = [(1, "Offline mode ignores dark theme", ""), (2, "Offline mode: dark theme", "")]
        titles.append((4, "Offline mode crashes", "Only sometimes."))
        issue_queue.load(
            db, [{"number": n, "title": title, "body": body, "updated_at": "2026-10-01"} for n, title, body in titles]
        )
        yield db


@pytest.mark.usefixtures("stand_in")
def test_the_plain_queue_asks_a_person_once_and_its_deputy_decides_what_is_late(queue: sqlite3.Connection) -> None:
    issue_queue.work(queue, Anthropic(), MONDAY)
    assert issue_queue.inbox(queue, "ada") == [(4, "Offline mode crashes", "Only sometimes.", "now")]
    issue_queue.work(queue, Anthropic(), MONDAY + timedelta(hours=12))
    assert queue.execute("select priority, decided_by from issue where number = 4").fetchone() == ("now", "deputy")
    with pytest.raises(SystemExit, match="it is answered"):
        issue_queue.answer(queue, 4, "later", "ada")
    assert queue.execute("select count(*) from call").fetchone() == (1,)


@pytest.mark.usefixtures("stand_in")
def test_a_further_report_queues_the_first_issue_again_unless_a_person_was_asked(queue: sqlite3.Connection) -> None:
    issue_queue.work(queue, Anthropic(), MONDAY)
    for number, title in ((7, "Help! Offline mode ignores dark theme"), (8, "Offline mode crashes again")):
        issue_queue.load(queue, [{"number": number, "title": title, "body": "", "updated_at": "2026-10-02"}])
    assert queue.execute("select number from queue").fetchall() == [(1,)]


def test_a_plain_call_without_an_answer_stays_reserved_and_is_tried_three_times(queue: sqlite3.Connection) -> None:
    nobody = Anthropic(api_key="any", base_url="http://127.0.0.1:1", max_retries=0)
    for _ in range(issue_queue.TRIES):
        with pytest.raises(APIConnectionError):
            issue_queue.work(queue, nobody, MONDAY)
    issue_queue.work(queue, nobody, MONDAY)
    [(calls, usd)] = queue.execute("select count(*), total(usd) from call").fetchall()
    assert (calls, usd > 0.02) == (3, True)
