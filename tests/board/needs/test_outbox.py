"""Messages to people outside: what each cause puts into the outbox, leases, attempts, and what removes them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from blackboard import Need, Never, strength
from blackboard.board import operator_actions
from blackboard.board.housekeeping import retention
from blackboard.board.message_delivery import timed_announcements
from blackboard.board.message_delivery.delivery_queue import DeliveryQueue, FailedAttempt, LeasedMessage
from blackboard.board.need_answers import overdue_needs
from blackboard.board.outbox import outbox_administration
from blackboard.board.result_types.message_results import OutboxMessage
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.core.records.states import MessageState
from blackboard.core.specs.sink_spec import SinkSpec
from blackboard.durations import DAY, Microseconds, parse_duration
from blackboard.errors import BlackboardError, NotFound, UnknownName
from tests.support.board_steps import in_transaction
from tests.support.world import World, kind, spec

KINDS = {
    "lead": kind("lead", Never(), on_repeat="separate"),
    "news": kind("news", Never(), on_repeat="replace"),
    "alert": kind("alert", Never(), on_repeat="add"),
}
SALES = spec("sales", strength("lead") >= 0.5, max_attempts=1, cooldown_after_failures=2, retry_after="1m")
ALL = ["need", "overdue", "dead", "quarantined", "board-paused", "agent-cooldown", "mark:alert", "mark:news"]


def sink(*topics: str, **options: Any) -> dict[str, SinkSpec]:
    return {"phone": SinkSpec(on=topics or ALL, **options)}


def messages(world: World, **narrowed: Any) -> list[OutboxMessage]:
    """Return the messages in the outbox, oldest first."""
    return list(reversed(world.board.outbox(**narrowed)))


def topics(world: World) -> list[str]:
    return [message.topic for message in messages(world)]


def leased(world: World) -> LeasedMessage:
    message = DeliveryQueue(world.board).lease("phone")
    assert message is not None
    return message


def make_timed_announcements(world: World, *dead: str) -> None:
    """Announce what time alone has caused, as a daemon does; some workers are dead."""
    notices = world.board.session.read(lambda txn: timed_announcements.find(txn, dead))
    in_transaction(world.board, timed_announcements.announce, notices)


@pytest.mark.postgresql
def test_a_need_and_its_due_time_are_told(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    need = world.board.deposit(Need(subject="release/7", question="Ship it?", options=["yes", "no"], due="15m"))
    [message] = messages(world)
    assert (message.topic, message.state, message.subject, message.mark_id) == (
        "need", "waiting", "release/7", need.mark_id,
    )  # fmt: skip
    assert "Ship it?" in message.text
    assert message.remedy == f"blackboard answer {need.mark_id} ANSWER"
    assert message.data["options"] == ["yes", "no"]
    world.clock.advance(timedelta(minutes=16))
    in_transaction(world.board, overdue_needs.fire_due, 10, world.board.session.classes)
    assert topics(world) == ["need", "overdue"]
    assert len({message.message_id for message in messages(world)}) == 2


def test_a_mark_is_told_if_it_is_new_or_says_something_new(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    world.put("alert", "disk")
    world.put("alert", "disk")
    world.put("lead", "p")
    world.put("news", "p", payload={"a": 1})
    world.put("news", "p", payload={"a": 1})
    world.put("news", "p", payload={"a": 2})
    assert topics(world) == ["mark:alert", "mark:news", "mark:news"]
    assert messages(world)[-1].data["payload"] == {"a": 2}
    world.put("alert", "big", payload={"text": "x" * 9000})
    assert messages(world)[-1].data["payload"] is None


@pytest.mark.postgresql
def test_a_dead_activation_and_a_cooldown_after_failures_are_each_told_once(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    for subject in ("a", "b", "c"):
        world.put("lead", subject)
        world.board.resume("sales")
        if subject == "c":
            break
        claim = world.claimed("sales")
        assert world.fail(claim, "it broke") == "dead"
    assert topics(world) == ["dead", "dead"], "each success of `resume` ends the series of failures"
    [first, _] = messages(world)
    assert (first.agent, first.subject, first.data["error"]) == ("sales", "a", "it broke")
    world.fail(world.claimed("sales"))
    world.put("lead", "d")
    world.fail(world.claimed("sales"))
    assert topics(world)[2:] == ["dead", "agent-cooldown", "dead"]
    assert world.claim("sales") is None


def test_a_pause_of_the_board_is_told_once(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    world.board.pause(reason="moving")
    world.board.pause(reason="moving")
    world.board.pause("sales")
    world.board.resume()
    world.clock.advance(timedelta(seconds=1))
    world.board.pause()
    assert topics(world) == ["board-paused", "board-paused"]
    assert messages(world)[0].text == "moving"


def test_a_cause_that_is_rolled_back_tells_nothing(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())

    def work(txn: BoardTransaction) -> None:
        operator_actions.pause(txn, None, "no", "ada")
        raise BlackboardError("no")

    with pytest.raises(BlackboardError):
        world.board.session.write(work)
    assert messages(world) == []


def test_a_sink_gets_only_what_its_filters_choose(world: World) -> None:
    filters = {
        "one": SinkSpec(on=ALL, subject="vip/*"),
        "two": SinkSpec(on=ALL, kinds=["need"]),
        "three": SinkSpec(on=ALL, agents=["other"]),
        "four": SinkSpec(on=["need"]),
    }
    world.deploy(KINDS, SALES, sinks=filters)
    world.put("alert", "disk")
    world.put("alert", "vip/disk")
    world.board.deposit(Need(subject="x", question="?"))
    world.board.pause()
    assert [(message.sink, message.topic) for message in messages(world)] == [
        ("three", "mark:alert"),
        ("one", "mark:alert"), ("three", "mark:alert"),
        ("four", "need"), ("three", "need"), ("two", "need"),
        ("one", "board-paused"), ("three", "board-paused"), ("two", "board-paused"),
    ]  # fmt: skip


@pytest.mark.postgresql
def test_a_crossing_that_waits_is_told_once(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink("crossing-waiting", waiting_for="30m", subject="p*"))
    world.put("lead", "p1")
    world.put("lead", "q")
    make_timed_announcements(world)
    world.clock.advance(timedelta(minutes=31))
    world.put("lead", "p2")
    make_timed_announcements(world)
    make_timed_announcements(world)
    [message] = messages(world)
    assert (message.topic, message.subject, message.agent) == ("crossing-waiting", "p1", "sales")
    world.clock.advance(timedelta(days=100))
    make_timed_announcements(world)
    remove_old(world)
    make_timed_announcements(world)
    assert [message.subject for message in messages(world)] == ["p1", "p2"], "a crossing that waits is announced once"
    world.work_off("sales")
    assert remove_old(world) == 1


def remove_old(world: World) -> int:
    keep = {"history": None, "activations": None, "model_calls": None, "messages": 90 * DAY}
    before = len(messages(world))
    world.board.session.write(lambda txn: retention.remove(txn, **keep, limit=100))
    return before - len(messages(world))


@pytest.mark.postgresql
def test_an_agent_that_nobody_serves_is_told_once_for_each_time(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink("agent-unserved"))
    make_timed_announcements(world)
    assert messages(world) == [], "the deployment is new"
    world.clock.advance(timedelta(minutes=6))
    make_timed_announcements(world)
    make_timed_announcements(world)
    [message] = messages(world)
    assert (message.agent, message.data["since"]) == ("sales", None)
    remove_old(world)
    world.clock.advance(timedelta(days=100))
    assert remove_old(world) == 0, "it would be told again"


@pytest.mark.parametrize(("patience", "minutes"), [("10s", 3), ("3m", 4), ("10m", 11)])
def test_a_remote_agent_is_told_after_the_setting_of_its_sink(world: World, patience: str, minutes: int) -> None:
    remote = SALES.model_copy(update={"remote": True, "code": None})
    world.deploy(KINDS, remote, sinks=sink("agent-unserved", unserved_for=Microseconds(parse_duration(patience))))
    world.board.claim("sales")
    world.clock.advance(timedelta(minutes=minutes - 1, seconds=-1))
    make_timed_announcements(world)
    assert messages(world) == [], "a waiting worker says so once a minute"
    world.clock.advance(timedelta(minutes=1, seconds=1))
    make_timed_announcements(world)
    assert [message.agent for message in messages(world)] == ["sales"]


@pytest.mark.postgresql
def test_a_message_is_leased_to_one_deliverer_and_due_again_if_that_dies(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    world.put("alert", "disk")
    queue = DeliveryQueue(world.board)
    first = leased(world)
    assert queue.lease("phone") is None
    assert queue.due_sinks(["phone", "other"]) == []
    world.clock.advance(timedelta(minutes=3))
    assert queue.due_sinks(["phone", "other"]) == ["phone"]
    second = leased(world)
    assert second.message.message_id == first.message.message_id
    assert queue.record_attempt(first, None) is None, "its lease was lost"
    assert queue.record_attempt(second, None) == MessageState.DELIVERED
    assert messages(world)[0].state == "delivered"


def test_attempts_are_repeated_over_three_days(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    world.put("alert", "disk")
    queue, began, delays = DeliveryQueue(world.board), world.board.now(), []
    before = began
    while True:
        state = queue.record_attempt(leased(world), FailedAttempt("no"))
        [message] = messages(world)
        if state != MessageState.WAITING:
            break
        assert message.due_at is not None
        delays.append(message.due_at - before)
        world.clock.advance(message.due_at - world.board.now())
        before = world.board.now()
    assert (state, message.attempts, message.error) == ("failed", 10, "no")
    assert delays[:3] == [timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)]
    assert sum(delays, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert queue.lease("phone") is None
    again = world.board.retry_message(message.id)
    assert (again.state, again.attempts, again.error) == ("waiting", 0, None)
    [action] = world.sql("SELECT event, author, subject FROM activity WHERE event = 'retry_message'")
    assert tuple(action) == ("retry_message", "person:ada", "disk")
    assert leased(world).message.message_id == message.message_id


def test_a_receiver_that_asks_for_time_gets_it(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    world.put("alert", "disk")
    DeliveryQueue(world.board).record_attempt(leased(world), FailedAttempt("busy", timedelta(hours=1)))
    assert messages(world)[0].due_at == world.board.now() + timedelta(hours=1)


def test_a_receiver_that_is_gone_ends_all_that_waits_for_it(world: World) -> None:
    world.deploy(KINDS, SALES, sinks={**sink(), "mail": SinkSpec(on=ALL)})
    world.put("alert", "a")
    world.put("alert", "b")
    assert (
        DeliveryQueue(world.board).record_attempt(leased(world), FailedAttempt("410", is_gone=True))
        == MessageState.GONE
    )
    assert [(item.sink, item.state) for item in messages(world)] == [
        ("mail", "waiting"), ("phone", "gone"), ("mail", "waiting"), ("phone", "gone"),
    ]  # fmt: skip


def test_what_waits_for_a_removed_sink_is_given_up(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    world.put("alert", "a")
    result = world.deploy(KINDS, SALES)
    assert result.changed == ("sink phone: removed",)
    [message] = messages(world, state="failed")
    assert "no longer has this sink" in (message.error or "")
    with pytest.raises(UnknownName, match="sink 'phone'"):
        world.board.retry_message(message.id)
    with pytest.raises(NotFound):
        world.board.retry_message(99)
    with pytest.raises(UnknownName, match="did you mean 'waiting'"):
        world.board.outbox(state="waitin")


@pytest.mark.postgresql
def test_messages_are_sent_again_or_given_up_by_sink_and_state(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    for subject in ("a", "b", "c"):
        world.put("alert", subject)
    DeliveryQueue(world.board).record_attempt(leased(world), FailedAttempt("no", is_gone=True))
    with pytest.raises(UnknownName, match="'delivered' is not a state of undelivered messages"):
        world.board.retry_messages(state="delivered")
    with pytest.raises(UnknownName, match="sink 'fax'"):
        world.board.retry_messages(sink="fax")
    assert world.board.discard_messages(sink="fax") == []
    world.board.retry_message(2)
    assert world.board.retry_messages(sink="phone", state="gone") == [3, 1]
    assert world.board.discard_messages(state="waiting") == [3, 2, 1]
    assert world.board.retry_messages() == [], "a person has given them up"
    assert {message.state for message in messages(world)} == {"discarded"}


@pytest.mark.postgresql
def test_every_message_is_sent_again_by_repeated_calls_whatever_other_messages_are_newer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_administration, "MESSAGES_PER_TRANSACTION", 2)
    world.deploy(KINDS, SALES, sinks=sink())
    for subject in ("a", "b", "c"):
        world.put("alert", subject)
        DeliveryQueue(world.board).record_attempt(leased(world), FailedAttempt("no", is_gone=True))
    fax = {"fax": sink()["phone"]}
    world.deploy(KINDS, SALES, sinks={**sink(), **fax})
    for subject in ("d", "e"):
        world.put("alert", subject)
    world.deploy(KINDS, SALES, sinks=sink())
    assert sorted(message.sink for message in messages(world, state="failed")) == ["fax", "fax"]
    sent = [world.board.retry_messages() for _ in range(3)]
    assert sent == [[3, 2], [1], []]


def test_messages_of_a_sink_that_is_gone_are_given_up_but_not_sent_again(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    world.put("alert", "a")
    world.deploy(KINDS, SALES)
    assert world.board.retry_messages() == []
    assert world.board.discard_messages(sink="phone") == [1]


@pytest.mark.postgresql
def test_forget_erases_messages_about_a_subject_and_those_that_name_it(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    world.put("alert", "grace")
    world.board.deposit(Need(subject="other", question="What about grace?"))
    world.put("alert", "bob")
    message = leased(world)
    world.board.forget("grace")
    assert [item.subject for item in messages(world)] == ["bob"]
    assert DeliveryQueue(world.board).record_attempt(message, None) is None, "it was sent while it was erased"


def test_old_messages_are_removed(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    world.put("alert", "a")
    world.clock.advance(timedelta(days=91))
    world.put("alert", "b")
    assert remove_old(world) == 1


def test_a_board_without_sinks_has_no_messages(world: World) -> None:
    world.deploy(KINDS, SALES)
    world.put("alert", "a")
    world.board.pause()
    make_timed_announcements(world)
    assert messages(world) == []


@pytest.mark.postgresql
def test_the_view_has_each_message(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    world.put("alert", "a")
    [row] = world.board.query("select sink, topic, subject, state, due_at, finished_at, content from outbox")
    assert tuple(row)[:4] == ("phone", "mark:alert", "a", "waiting")
    assert json.loads(str(row["content"]))["title"] == "alert about a"
    DeliveryQueue(world.board).record_attempt(leased(world), None)
    [row] = world.board.query("select state, due_at, finished_at from outbox")
    assert (row["state"], row["due_at"]) == ("delivered", None)


def test_long_texts_are_cut_and_titles_are_one_line(world: World) -> None:
    world.deploy(KINDS, SALES, sinks=sink())
    world.board.deposit(Need(subject="x" * 300, question="\x1b[31m\u202e" + "?\n" * 4000))
    [message] = messages(world)
    assert len(message.title) == 200
    assert len(message.text) == 2000
    assert message.text.startswith("[31m?\n")
    assert "\n" not in message.title
