"""Nobody signs as an agent or as the board, or with a name that looks like one of theirs."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blackboard import Blackboard, Daemon, Linear, Mark, Need, agent, count, strength, total
from blackboard.core.authors import agent_name_problem, skeleton
from blackboard.core.specs.agent_spec import AgentSpec
from blackboard.core.specs.deployment import Deployment
from blackboard.errors import ConfigurationError, InvalidAuthor, InvalidMark
from tests.support.world import World, kind, spec

LOOK_ALIKES = [
    "watchman", "Watchman", "watchman ", " watch man", "\u200bwatchman", "watch\u00adman", "ｗａｔｃｈｍａｎ",
    "𝐰atchman", "watchma\u207f", "watchman\ufe0f", "watchman\U000e0020", "w\u3164atchman", "watchman\u2800",
    "WATCHMAN\u00a0", "watch\u2060man", "watchman\x07",
]  # fmt: skip
VISIBLY_OTHERS = ["watchmen", "person:watchman", "watch-man", "watchmän", "watch.man"]


@pytest.mark.parametrize("author", LOOK_ALIKES)
def test_a_look_alike_of_an_agent_is_refused_wherever_a_name_signs(world: World, author: str) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="separate")}, spec("watchman", strength("smoke") >= 0.5))
    mark = world.put("smoke")
    need = world.board.deposit(Need(subject="s", question="?"))
    other = world.board.as_author(author)
    events = len(world.board.history("s"))
    acts: list[Any] = [
        lambda: other.deposit("smoke", subject="s"),
        lambda: other.deposit("smoke", subject="s", key="k"),
        lambda: other.deposit_many([Need(subject="s", question="?")]),
        lambda: other.withdraw(mark.mark_id),
        lambda: other.answer(need.mark_id, "yes"),
        lambda: other.forget("s"),
    ]
    for act in acts:
        with pytest.raises(InvalidAuthor, match="'watchman'"):
            act()
    assert len(world.board.history("s")) == events


@pytest.mark.parametrize("author", VISIBLY_OTHERS)
def test_a_name_that_differs_visibly_is_accepted(world: World, author: str) -> None:
    world.deploy({"smoke": kind("smoke")}, spec("watchman", strength("smoke") >= 0.5))
    assert world.board.as_author(author).deposit("smoke", subject="s").outcome == "deposited"


@pytest.mark.parametrize(
    "author", ["", " ", "\u200b", "blackboard", "Blackboard", "black board", "ｂlackboard", "a" * 201, "\ud800"]
)
def test_a_blank_or_reserved_author_is_refused_at_once(world: World, author: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidAuthor, match="author"):
        world.board.as_author(author)
    with pytest.raises(InvalidAuthor, match="author"):
        Blackboard.open(tmp_path / "new.db", author=author)
    assert not (tmp_path / "new.db").exists()


@given(st.text(max_size=20))
def test_a_skeleton_does_not_change_when_it_is_taken_again(name: str) -> None:
    assert skeleton(skeleton(name)) == skeleton(name)
    assert skeleton(unicodedata.normalize("NFD", name)) == skeleton(name)


def test_an_invisible_character_anywhere_changes_no_skeleton() -> None:
    invisible = [chr(n) for n in range(0x110000) if unicodedata.category(chr(n)) in ("Cc", "Cf", "Zs", "Zl", "Zp")]
    # These few have ink: signs that enclose or precede numbers, and controls of hieroglyphs and of shorthand.
    inked = {"Arabic", "Kaithi", "Egyptian", "Syriac"}
    for character in invisible:
        if unicodedata.name(character, "").partition(" ")[0].title() not in inked:
            assert skeleton(f"sa{character}les") == "sales", hex(ord(character))


@pytest.mark.parametrize(
    "name", ["", "leads desk", "über", "lead-desk", "1st", "sales\u200b", "ѕales", "a" * 65, "Blackboard"]
)
def test_the_name_of_an_agent_is_an_ascii_identifier(world: World, name: str) -> None:
    assert agent_name_problem(name) is not None
    with pytest.raises(ConfigurationError, match="name"):
        spec(name, strength("smoke") >= 1)
    made = spec("fine", strength("smoke") >= 1)
    renamed = AgentSpec(**{**dict(made), "name": name})
    with pytest.raises(ConfigurationError, match="name"):
        world.board.deploy(Deployment(kinds={"smoke": kind("smoke")}, agents={name: renamed}))
    assert world.board.agents() == []


class Ping(Mark, kind="ping", on_repeat="separate"):
    pass


class Pong(Mark, kind="pong", on_repeat="separate"):
    pass


@agent(watches=strength(Ping) >= 0.5, writes=[Pong])
def pinger(marks: list[Any], context: Any) -> list[Mark]:
    return [Pong(subject=mark.subject) for mark in marks]


@agent(watches=strength(Pong) >= 0.5, writes=[Ping])
def ponger(marks: list[Any], context: Any) -> list[Mark]:
    return [Ping(subject=mark.subject) for mark in marks]


@pytest.mark.parametrize("squatter", [True, False])
def test_no_depositor_silences_a_question_of_the_board(tmp_path: Path, squatter: bool) -> None:
    with Blackboard.open(tmp_path / "b.db", author="mallory") as board:
        board.deploy(pinger, ponger)
        if squatter:
            for number in range(1, 60):
                with pytest.raises(InvalidMark):
                    board.deposit(Ping(subject="x"), key=f"blackboard/quarantined/{number}", intensity=0.01)
            board.deposit(Need(subject="x", question="nothing to see here"))
        board.deposit(Ping(subject="x"))
        Daemon(board, [pinger, ponger]).run(until_quiescent=True)
        [question] = [need for need in board.inbox() if need.author == "blackboard"]
        assert "wake each other" in question.question
        assert question.activation_id is None


def test_a_need_of_somebody_else_does_not_silence_the_question_about_the_clock(world: World) -> None:
    world.board.deposit(Need(subject="board/clock", question="nothing to see here"))
    world.clock.set(world.clock.now() + 3000 * 86_400_000_000)
    world.board.deposit(Need(subject="other", question="?"))
    questions = [need for need in world.board.inbox() if need.subject == "board/clock"]
    assert {need.author for need in questions} == {"person:ada", "blackboard"}
    world.board.answer(next(need.id for need in questions if need.author == "person:ada"), "no idea")
    assert world.board.status().doubted_clock is not None


def test_records_and_views_say_by_the_activation_who_is_an_agent(world: World) -> None:
    world.deploy({"smoke": kind("smoke", on_repeat="add"), "note": kind("note", on_repeat="separate")})
    world.board.as_author("watchman").deposit("note", subject="by a person")
    world.put("smoke", "s")
    world.deploy({}, spec("watchman", strength("smoke") >= 0.5))
    claim = world.claimed("watchman")
    world.finish(claim, ("note", "by the agent", 1.0), ("smoke", "s", 1.0))
    marks = {mark.subject: mark for mark in world.board.marks()}
    assert {mark.author for mark in marks.values()} == {"watchman"}
    expected = {"by a person": None, "by the agent": claim.row.id, "s": claim.row.id}
    assert {subject: mark.activation_id for subject, mark in marks.items()} == expected
    assert dict(world.sql("SELECT subject, activation_id FROM live_marks")) == expected
    world.advance(1_000_000)
    world.put("smoke", "s")  # the last deposit counts
    assert next(mark for mark in world.board.marks("smoke")).activation_id is None
    past = world.board.marks(at=world.clock.now() - 500_000)
    assert {mark.subject: mark.activation_id for mark in past} == expected


OWN = [strength("smoke") >= 0.5, total("smoke") >= 0.5, count("smoke", over="board") >= 1]


@pytest.mark.parametrize("condition", OWN, ids=str)
@pytest.mark.parametrize("evaporated", [False, True])
def test_marks_that_somebody_signed_before_an_agent_took_the_name_wake_the_agent(
    world: World, condition: Any, evaporated: bool
) -> None:
    kinds = {"smoke": kind("smoke", Linear("4h"), on_repeat="add")}
    world.deploy(kinds)
    mark = world.board.as_author("watchman").deposit("smoke", subject="s").mark_id
    world.deploy(kinds, spec("watchman", condition))
    if evaporated:
        world.advance(5 * 3_600_000_000)
        world.evaporate()
    claim = world.claimed("watchman")
    assert [item.event.mark_id for item in claim.inputs] == [mark]
    world.finish(claim, ("smoke", "s", 1.0))
    assert world.claim("watchman") is None  # this deposit is the agent's own
    world.put("smoke", "s")
    assert world.claim("watchman") is not None
