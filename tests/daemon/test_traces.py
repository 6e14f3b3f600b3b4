"""A deposit carries the trace context of its span, and the span of the activation that it wakes has a link to it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from blackboard import Blackboard, Context, Daemon, Deposit, Mark, agent, strength, total
from blackboard.core.agents.agent_definition import Agent
from blackboard.system import tracing
from tests.support.recorded_spans import links_of, recorded_spans, traceparent


class Lead(Mark, kind="lead", on_repeat="add"):
    text: str = ""


class Reply(Mark, kind="reply"):
    text: str = ""


@agent(watches=strength(Lead) >= 0.5, writes=[Reply])
def sales(leads: list[Lead], context: Context) -> list[Reply]:
    return [Reply(subject=lead.subject) for lead in leads]


@agent(watches=strength(Reply) >= 0.5)
def reader(replies: list[Reply], context: Context) -> None:
    return None


@agent(watches=total(Lead) >= 100)
def counter(leads: list[Lead], context: Context) -> None:
    return None


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with recorded_spans(monkeypatch) as exporter:
        yield exporter


def run(board: Blackboard, *agents: Agent) -> None:
    board.deploy(*agents, kinds=[Lead, Reply])
    Daemon(board, agents, rng=random.Random(1)).run(until_quiescent=True)


def stored(board: Blackboard, kind: str) -> list[Any]:
    rows = board.query("SELECT kind, traceparent FROM mark_history ORDER BY id")
    return [traceparent for its_kind, traceparent in rows if its_kind == kind]


def test_an_activation_is_linked_to_its_deposit_and_its_result_to_the_activation(board: Blackboard, spans: Any) -> None:
    board.deploy(sales, reader, kinds=[Lead, Reply])
    with tracing.recorded_span(tracing.get_tracer(), "form", {}) as form:
        board.deposit(Lead(subject="lead/1"))
        own = tracing.traceparent_of(form)
    run(board, sales, reader)
    by_name = {span.name: span for span in spans.get_finished_spans()}
    first, second = by_name["invoke_agent sales"], by_name["invoke_agent reader"]
    assert stored(board, "lead") == [own] == links_of(first)
    assert stored(board, "reply") == [tracing.traceparent_of(first)] == links_of(second)
    assert first.parent is second.parent is None  # a deposit is a cause, not a parent


def test_a_deposit_without_a_span_has_no_trace_context(board: Blackboard, spans: Any) -> None:
    board.deploy(sales, kinds=[Lead, Reply])
    board.deposit(Lead(subject="lead/1"))
    board.deposit_many([Deposit("lead", "lead/2", {}, traceparent="no trace context")])
    run(board, sales)
    assert stored(board, "lead") == [None, None]
    (span,) = spans.get_finished_spans()
    assert links_of(span) == []


def test_the_latest_deposits_since_the_last_activation_are_linked(board: Blackboard, spans: Any) -> None:
    board.deploy(counter, kinds=[Lead, Reply])
    for number in range(1, 41):
        board.deposit_many([Deposit("lead", "lead/1", {}, 2.5, traceparent=traceparent(number))])
    run(board, counter)
    board.deposit_many([Deposit("lead", "lead/1", {"text": "new"}, 200.0, traceparent=traceparent(99))])
    run(board, counter)
    first, second = spans.get_finished_spans()
    assert links_of(first) == [traceparent(number) for number in range(40, 40 - tracing.MAX_LINKS, -1)]
    assert links_of(second) == [traceparent(99)]


def test_an_erased_subject_leaves_no_trace_context(board: Blackboard) -> None:
    board.deploy(sales, kinds=[Lead, Reply])
    board.deposit_many([Deposit("lead", "lead/1", {}, traceparent=traceparent(1))])
    board.forget("lead/1")
    assert stored(board, "lead") == [None] * len(stored(board, "lead"))


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01, 00-0af7651916cd43dd8448eb211c80319c-b7ad6b71692033",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what",
    ],
)
def test_an_invalid_trace_context_is_ignored(text: str | None) -> None:
    assert tracing.read_traceparent(text) is None


def test_a_valid_trace_context_is_read_also_of_a_later_version() -> None:
    valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert tracing.read_traceparent(valid) == valid
    assert tracing.read_traceparent(f"cc{valid[2:]}") == valid
    assert tracing.read_traceparent(f"cc{valid[2:]}-what-the-future-brings") == valid
