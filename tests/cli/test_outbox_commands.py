"""Messages to people outside on the command line: listed, sent again, given up, and shown by `status` and `doctor`."""

from __future__ import annotations

import pytest

from blackboard import Blackboard
from blackboard.board.message_delivery.delivery_queue import DeliveryQueue, FailedAttempt
from tests.support.command_line import CommandLine

SINKS = """
[[sinks]]
name = "desk"
on = ["mark:smoke"]
command = ["/bin/true"]
"""


@pytest.fixture
def telling(house: CommandLine) -> CommandLine:
    """Return a house with a message whose receiver is gone, and one that waits."""
    file = house.folder / "blackboard.toml"
    file.write_text(file.read_text() + SINKS)
    assert house("init").code == 0
    smoke(house, "kitchen")
    with opened(house) as board:
        queue = DeliveryQueue(board)
        leased = queue.lease("desk")
        assert leased is not None
        queue.record_attempt(leased, FailedAttempt("it said no", is_gone=True))
    smoke(house, "hall")
    return house


def smoke(house: CommandLine, subject: str) -> None:
    house("deposit", "smoke", subject, "--payload", '{"detail": "thick"}')


def opened(house: CommandLine) -> Blackboard:
    return Blackboard.open(house.url)


def test_messages_are_listed_and_shown(telling: CommandLine) -> None:
    listed = telling("outbox", "list", "--json").json
    assert [(item["sink"], item["state"], item["subject"]) for item in listed] == [
        ("desk", "waiting", "hall"), ("desk", "gone", "kitchen"),
    ]  # fmt: skip
    assert len(telling("outbox", "list", "--state", "gone", "--sink", "desk", "--json").json) == 1
    assert "it said no" in telling("outbox", "list").out
    shown = telling("outbox", "show", "1").out
    assert "smoke about kitchen" in shown
    assert telling("outbox", "show", "1", "--json").json["data"]["payload"]["detail"] == "thick"
    done = telling("outbox", "list", "--state", "gon")
    assert (done.code, "did you mean 'gone'" in done.err) == (2, True)
    assert telling("outbox", "show", "99").code == 1


def test_a_message_is_sent_again_or_given_up(telling: CommandLine) -> None:
    assert telling("outbox", "retry", "1").out == "message 1 to desk will be sent again\n"
    assert telling("outbox", "discard", "1", "2", "--json").json == [
        {"id": 1, "state": "discarded"}, {"id": 2, "state": "discarded"},
    ]  # fmt: skip
    done = telling("outbox", "discard", "1")
    assert (done.code, "message 1 is discarded" in done.err) == (1, True)


def test_all_messages_of_a_sink_or_in_a_state_are_sent_again_or_given_up(telling: CommandLine) -> None:
    for words in (("--state", "waitin"), ("--sink", "phone")):
        assert telling("outbox", "retry", *words).code == 2
    for both in ([], ["1", "--sink", "desk"]):
        assert "by their ids, or all messages of a --sink or in a --state" in telling("outbox", "discard", *both).err
    assert telling("outbox", "retry", "--state", "failed").out == "0 messages will be sent again\n"
    assert telling("outbox", "retry", "--state", "gone", "--json").json == [{"id": 1, "state": "waiting"}]
    assert telling("outbox", "discard", "--sink", "desk").out == "2 messages given up\n"
    assert {item["state"] for item in telling("outbox", "list", "--json").json} == {"discarded"}
    with opened(telling) as board:
        changes = [entry.event for entry in board.activity() if "message" in entry.event]
    assert changes == ["retry_message", "discard_message", "discard_message"]


def test_status_and_doctor_show_what_was_not_delivered(telling: CommandLine) -> None:
    assert "desk: 1 waiting, 1 given up" in telling("status").out
    [sink] = telling("status", "--json").json["sinks"]
    assert (sink["waiting"], sink["given_up"], sink["error"]) == (1, 1, "it said no")
    findings = {item["name"]: item for item in telling("doctor", "--json").json["findings"]}
    assert findings["outbox"]["state"] == "wrong"
    assert "blackboard outbox retry" in findings["outbox"]["advice"]
    telling("outbox", "discard", "1", "2")
    findings = {item["name"]: item for item in telling("doctor", "--json").json["findings"]}
    assert findings["outbox"]["state"] == "ok"
    assert "nothing waits" in telling("status").out


def test_a_run_delivers_what_is_due_before_it_ends(telling: CommandLine) -> None:
    telling("outbox", "retry", "1")
    assert telling("run", "--until-quiescent").code == 0
    assert {item["state"] for item in telling("outbox", "list", "--json").json} == {"delivered"}
