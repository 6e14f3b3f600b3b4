"""A deposit is within the limits of its kind and of its author; numbers and patterns have bounds of their own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from blackboard import Blackboard, Mark, agent, strength
from blackboard.board.mark_classes.payload_checks import problems_of
from blackboard.core.marks.kinds import Kind
from blackboard.core.specs.agent_spec import DepositLimits
from blackboard.daemon import Daemon
from blackboard.errors import InvalidMark


class Letter(Mark, kind="letter", on_repeat="separate", max_payload=400, max_text=100):
    text: str = ""
    more: Any = None


class Reply(Mark, kind="reply", on_repeat="separate", max_text=10):
    text: str = ""


class Sum(Mark, kind="sum", on_repeat="separate", unique="value"):
    value: Decimal


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Blackboard]:
    with Blackboard.open(tmp_path / "b.db", author="webform") as board:
        board.deploy(kinds=[Letter, Reply, Sum])
        yield board


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        (Letter(subject="a", text="x" * 101), "text: the text has 101 characters; at most 100 .* kind 'letter'"),
        (Letter(subject="a", more=[{"deep": "é" * 101}]), r"more\.0\.deep: the text has 101 characters"),
        (Letter(subject="a", more={"n" * 101: 1}), "the text has 101 characters"),
        (
            Letter(subject="a", more=[1] * 300),
            r"the payload has \d+ bytes; at most 400 .*\(max_payload of kind 'letter'",
        ),
        (Letter(subject="a", text="\U0001f4a9" * 99), r"the payload has 4\d\d bytes"),
    ],
)
def test_what_exceeds_a_limit_of_the_kind_is_refused(board: Blackboard, mark: Letter, message: str) -> None:
    with pytest.raises(InvalidMark, match=message):
        board.deposit(mark)
    with pytest.raises(InvalidMark, match=message):
        board.deposit("letter", subject="a", payload=mark.payload)
    assert board.marks() == []


def test_what_is_within_the_limits_is_kept(board: Blackboard) -> None:
    board.deposit(Letter(subject="a", text="é" * 100, more=["x" * 100]))
    [letter] = board.marks(Letter)
    assert letter.text == "é" * 100


def test_the_smaller_limit_of_kind_and_author_applies(board: Blackboard) -> None:
    limits = {"webform": DepositLimits(max_text=5, max_payload=1_000_000), "partner": DepositLimits(max_payload=40)}
    board.deploy(board.deployment.model_copy(update={"limits": limits}), replace=True)
    with pytest.raises(InvalidMark, match=r"has 6 characters; at most 5 are allowed \(max_text of author 'webform'\)"):
        board.deposit(Letter(subject="a", text="x" * 6))
    with pytest.raises(InvalidMark, match="max_payload of author 'partner'"):
        board.as_author("partner").deposit(Letter(subject="a", text="x" * 30))
    board.as_author("ada").deposit(Letter(subject="a", text="x" * 100))


def test_the_limits_hold_for_agents_and_in_batches(board: Blackboard) -> None:
    @agent(watches=strength(Letter) >= 0.5, writes=[Reply], max_attempts=1)
    def clerk(marks: list[Any], context: Any) -> list[Mark]:
        return [Reply(subject=mark.subject, text=mark.text) for mark in marks]

    board.deploy(clerk)
    results = board.deposit_many([Letter(subject="a", text="x" * n) for n in (9, 101, 12)], on_error="return")
    assert [isinstance(result, InvalidMark) for result in results] == [False, True, False]
    Daemon(board, [clerk]).run(until_quiescent=True)
    assert [mark.text for mark in board.marks(Reply)] == ["x" * 9]
    [dead] = board.activations(state="dead")
    assert "max_text of kind 'reply'" in (dead.error or "")


@pytest.mark.parametrize("payload", [{"more": 10**5000}, {"more": [{"x": -(10**4400)}]}])
@pytest.mark.parametrize("key", [None, "k"])
def test_a_number_that_nobody_could_read_is_refused(
    board: Blackboard, payload: dict[str, Any], key: str | None
) -> None:
    with pytest.raises(InvalidMark, match="a number has more than 4300 digits; store it as text"):
        board.deposit("letter", subject="a", payload=payload, key=key)
    with pytest.raises(InvalidMark, match="a number has more than 4300 digits; store it as text"):
        board.deposit(Letter(subject="a", **payload), key=key)


@pytest.mark.parametrize("text", ["1e999999999999", "-1e1000000", "1e-2000000", "9" * 5000])
def test_a_unique_number_of_any_size_has_one_form(board: Blackboard, text: str) -> None:
    board.deposit(Sum(subject="a", value=Decimal(text)))
    with pytest.raises(InvalidMark, match="belongs to mark"):
        board.deposit(Sum(subject="b", value=Decimal(text)))


def test_no_text_is_slow_to_compare_or_to_match() -> None:
    kind = Kind("sum", unique="value", payload_schema={"properties": {"value": {"type": "number"}}})
    schema = Named.payload_schema()
    began = time.process_time()
    kind.unique_value_of('{"value": "' + "1" * 500_000 + 'x"}')
    assert problems_of({"name": "a" * 40 + "!"}, schema) != []
    assert problems_of({"name": "aaaa", "by": {"a" * 40 + "!": 1}}, schema) == []
    assert problems_of({"name": "aaaa", "by": {"aaa": "x"}}, schema) != []
    assert time.process_time() - began < 2


class Named(Mark, kind="named"):
    name: Annotated[str, Field(pattern="^(a+)+$")]
    by: dict[Annotated[str, Field(pattern="^(a+)+$")], int] = Field(default_factory=dict)


def test_an_error_about_a_payload_is_one_line(board: Blackboard) -> None:
    forged = "x\n2026-01-01 [error] forged\x1b[2J\u202e"
    schema = Named.payload_schema()
    payloads: list[dict[str, Any]] = [{forged: 1}, {"text": [forged]}, {"more": {forged: "x" * 101}}]
    for payload in payloads:
        with pytest.raises(InvalidMark) as caught:
            board.deposit("letter", subject="a", payload=payload)
        assert str(caught.value).isprintable()
    assert all(
        problem.isprintable() for problem in problems_of({"name": forged, forged: 1, "by": {forged: []}}, schema)
    )
