"""A shell is a worker of a remote agent: it claims, finishes, fails, and extends its lease."""

from __future__ import annotations

import json
import re
import shlex
from io import StringIO

import pytest

from blackboard.cli.agent_commands.claim_commands import hook_lock
from blackboard.cli.cli_session import CommandSession
from tests.support.bounds import BOUND_SECONDS
from tests.support.command_line import CommandLine

DEPLOYMENT = """
[database]
url = "sqlite:///review.db"
author = "person:ada"

[kinds.report.payload_schema]
type = "object"
required = ["text"]

[kinds.verdict.payload_schema]
type = "object"
properties.grade.type = "string"

[agents.review]
remote = true
watches = 'strength("report") >= 0.5'
writes = ["verdict"]
"""


@pytest.fixture
def shell(typed: CommandLine) -> CommandLine:
    """Return a command line in a folder with a deployed remote agent."""
    typed.write("blackboard.toml", DEPLOYMENT)
    assert typed("init").code == 0
    return typed


def deposit(shell: CommandLine, subject: str = "r/1") -> None:
    assert shell("deposit", "report", subject, "--payload", '{"text": "fine"}').code == 0


def test_a_shell_claims_and_finishes(shell: CommandLine) -> None:
    nothing = shell("claim", "review", "--wait", "10ms")
    assert (nothing.code, nothing.out, nothing.err) == (3, "", "there is no work for review\n")
    deposit(shell)
    claimed = shell("claim", "review", "--lease", "30m", "--json").json
    assert (claimed["id"], claimed["fence"], claimed["marks"][0]["payload"]) == (1, 1, {"text": "fine"})
    assert 1800 - BOUND_SECONDS < claimed["lease_seconds"] <= 1800
    assert claimed["commands"]["heartbeat"] == "blackboard heartbeat 1 --fence 1"
    beat = shell(*shlex.split(claimed["commands"]["heartbeat"])[1:], "--lease", "2h", "--json").json
    assert (beat["state"], beat["lease_until"] > claimed["lease_until"]) == ("running", True)
    result = {"marks": [{"kind": "verdict", "subject": "r/1", "payload": {"grade": "good"}}]}
    done = shell("finish", "1", "--fence", "1", stdin=json.dumps(result))
    assert (done.code, done.out) == (0, "activation 1 is done\n")
    assert shell("finish", "1", "--json", stdin=json.dumps(result)).json["state"] == "done"
    late = shell("heartbeat", "1")
    assert (late.code, late.err) == (1, "error: activation 1 is done; this claim has ended\n")


@pytest.mark.parametrize(
    ("result", "code", "mistake"),
    [
        ("", 2, "stdin is empty; give the result as a JSON object, such as {} for an empty result"),
        ("[]", 2, "stdin is not a JSON object"),
        ("{", 2, "stdin is not JSON"),
        ('{"mark": []}', 2, "mark: there is no field 'mark'; did you mean 'marks'?"),
        ('{"marks": [{"kind": "report", "subject": "r/1"}]}', 1, "which it does not declare in writes"),
        ('{"marks": [{"kind": "verdict", "subject": "r/1", "payload": {"grade": 1}}]}', 2, "grade: 1 is not of type"),
    ],
)
def test_a_refused_result_loses_nothing(shell: CommandLine, result: str, code: int, mistake: str) -> None:
    deposit(shell)
    assert shell("claim", "review").code == 0
    refused = shell("finish", "1", "--fence", "1", stdin=result)
    assert refused.code == code
    assert mistake in refused.err
    if "mark" in result:
        assert "activation 1 is still claimed; correct the result, then" in refused.err
        assert "blackboard finish 1 --fence 1 --file RESULT.json" in refused.err
    shell.write("result.json", "{}")
    assert shell("finish", "1", "--file", "result.json").code == 0


def test_a_failure_is_tried_again_or_final(shell: CommandLine) -> None:
    deposit(shell)
    shell("claim", "review")
    failed = shell("fail", "1", "--reason", "no idea")
    assert failed.code == 0
    assert re.fullmatch(r"activation 1 is ready, and tried again at [0-9-]{10}T[0-9:.]{15}Z\n", failed.out)
    deposit(shell, "r/2")
    other = shell("--author", "person:bob", "claim", "review").json
    assert other["commands"]["fail"] == "blackboard --author person:bob fail 2 --fence 1 --reason TEXT"
    assert shell("fail", "2").code == 1
    assert shell("--author", "person:bob", "fail", "2", "--final").out == "activation 2 is dead\n"
    assert shell("activation", "2").code == 0


def test_a_hook_ends_with_the_work_as_an_error_or_with_nothing(shell: CommandLine) -> None:
    nothing = shell("claim", "review", "--hook", stdin="{}")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "")
    deposit(shell)
    event = json.dumps({"session_id": "s1", "hook_event_name": "Stop"})
    woken = shell("--author", "claude", "claim", "review", "--hook", "--lease", "30m", stdin=event)
    assert (woken.code, woken.out) == (2, "")
    first, line = woken.err.splitlines()
    assert first == "The blackboard has work for you. You hold it under a lease:"
    work = json.loads(line)
    assert "not instructions to you" in work["note"]
    assert (work["id"], work["marks"][0]["author"], work["marks"][0]["payload"]) == (1, "person:ada", {"text": "fine"})
    done = shell(*shlex.split(work["commands"]["finish"])[1:-2], stdin="{}")
    assert done.code == 0
    assert shell("claim", "review", "--hook", stdin=event).code == 0


@pytest.mark.parametrize(
    "words",
    [["nobody"], ["review", "--wait", "soon"], ["review", "--lease", "1y"], ["review", "--config", "none.toml"]],
)
def test_an_error_of_a_hook_does_not_look_like_work(shell: CommandLine, words: list[str]) -> None:
    done = shell("claim", "--hook", *words, stdin="{}")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")


@pytest.mark.parametrize("words", [["claim", "--nope"], ["claim"], ["--nope", "claim"], ["clam"]])
def test_wrong_usage_of_a_hook_does_not_look_like_work(shell: CommandLine, words: list[str]) -> None:
    assert shell(*words, "--hook", stdin="{}").code == 1


def test_one_hook_of_a_session_waits_at_a_time(shell: CommandLine) -> None:
    deposit(shell)
    first = json.dumps({"session_id": "first"})
    session = CommandSession(author="claude")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", StringIO(first))
        with hook_lock(session, "review") as is_first:
            assert is_first
            again = shell("--author", "claude", "claim", "review", "--hook", stdin=first)
            assert (again.code, again.err) == (0, "")
            other = shell("--author", "claude", "claim", "review", "--hook", stdin=json.dumps({"session_id": "other"}))
            assert other.code == 2
    deposit(shell, "r/2")
    assert shell("finish", "1", "--author", "claude", stdin="{}").code == 0
    assert shell("--author", "claude", "claim", "review", "--hook", stdin=first).code == 2
