"""The tests of the triage. The files *.board.toml beside this one are tests, too."""

from pathlib import Path

import pytest

from blackboard import Blackboard, Decision, ManualClock, Need, Overdue, Reinforce, Withdraw
from blackboard.errors import ModelError
from blackboard.testing import ScriptedModel, context, mark
from make_issues import make
from stand_in import serve
from triage import Duplicate, Issue, Original, Triaged, Verdict, Verdicts, clerk, deputy, finder, judge
from triage_days import MONDAY, days, load

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
def test_an_issue_without_words_is_no_duplicate(title: str) -> None:
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


def test_the_days_are_those_of_the_guide_within_the_budget_of_each_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issues, repeats = make()
    with Blackboard.open(tmp_path / "days.db", clock=ManualClock(MONDAY)) as board, serve() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        shown = "\n".join(days(board, issues))
        assert {int(duplicate.subject): int(duplicate.of) for duplicate in board.marks(Duplicate)} == repeats
        spent = [row.usd for row in board.costs(days=7)]
        assert len(spent) == 3
        assert max(spent) <= 0.04
    assert f"```text\n{shown}\n```" in (HERE / "README.md").read_text("utf-8")


def test_a_second_load_stores_nothing_and_a_changed_issue_replaces_what_it_said(tmp_path: Path) -> None:
    issues, _ = make()
    with Blackboard.open(tmp_path / "board.db", clock=ManualClock(MONDAY)) as board:
        load(board, issues)
        before = board.status().events
        load(board, issues)
        assert board.status().events == before
        load(board, [issues[0] | {"body": "More words.", "updated_at": "2026-10-31"}])
        assert [issue.body for issue in board.marks(Issue, subject="1")] == ["More words."]
        assert len(board.marks(Issue)) == len(issues)
