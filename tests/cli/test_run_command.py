"""`run` deploys the file, does the work, and reports unfinished work."""

from __future__ import annotations

import json

import pytest
import typer

from blackboard.board.daemon_work.remaining_work import RemainingWork
from blackboard.cli import completion
from blackboard.cli.app import app
from blackboard.daemon import DaemonLoop
from blackboard.errors import ConfigurationError
from tests.support.command_line import CommandLine


def test_until_quiescent_runs_until_no_progress_is_possible(house: CommandLine) -> None:
    for room in ("kitchen", "hall", "attic"):
        house("deposit", "smoke", room, "--payload", '{"detail": "thick"}', "--intensity", "0.9")
    done = house("run", "--until-quiescent")
    assert done.code == 0
    assert [mark["kind"] for mark in house("marks", "--json").json].count("alarm") == 3
    assert house("marks", "--kind", "call", "--json").json[0]["payload"]["text"] == "3 alarms"
    assert {row["state"] for row in house("activations", "--json").json} == {"done"}
    assert house("agenda", "--json").json == []


def test_daemons_of_some_agents_share_one_file(house: CommandLine) -> None:
    for room in ("kitchen", "hall", "attic"):
        house("deposit", "smoke", room, "--payload", '{"detail": "thick"}', "--intensity", "0.9")
    assert house("run", "--agents", "watchman", "--until-quiescent").code == 0
    assert {row["agent"] for row in house("activations", "--json").json} == {"watchman"}
    assert [item["agent"] for item in house("agenda", "--json").json] == ["caller"]
    assert house("run", "--agents", "watchman, caller", "--agents", "caller", "--until-quiescent").code == 0
    assert house("marks", "--kind", "call", "--json").json[0]["payload"]["text"] == "3 alarms"


@pytest.mark.parametrize(
    ("names", "messages"),
    [
        (("watchmen,caller",), ["there is no agent 'watchmen'; did you mean 'watchman'?"]),
        (("watchmen", "--agents", "callr"), ["did you mean 'watchman'?", "did you mean 'caller'?"]),
        (("quite_other",), ["known names: caller, watchman"]),
        ((" , ",), ["--agents names no agent"]),
    ],
)
def test_each_unknown_agent_is_an_error_with_the_nearest_name(
    house: CommandLine, names: tuple[str, ...], messages: list[str]
) -> None:
    done = house("run", "--agents", *names, "--until-quiescent")
    assert done.code == 2
    assert all(message in done.err for message in messages)
    assert not (house.folder / "house.db").exists()


def test_an_agent_that_is_not_enabled_cannot_be_chosen(house: CommandLine) -> None:
    path = house.folder / "blackboard.toml"
    path.write_text(path.read_text() + "\n[agents.caller]\nenabled = false\n")
    done = house("run", "--agents", "caller", "--until-quiescent")
    assert done.code == 2
    assert "the agent 'caller' is not enabled" in done.err


def test_a_reload_keeps_the_chosen_agents_and_refuses_a_file_without_them(
    house: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[list[str]] = []

    def run(daemon: DaemonLoop, *, until_quiescent: bool = False) -> RemainingWork:
        path, reload = house.folder / "blackboard.toml", daemon.reload.deploy_file
        assert reload is not None
        served.extend([sorted(daemon.agents), sorted(reload(daemon.worker.id).agents)])
        path.write_text(path.read_text() + "\n[agents.caller]\nenabled = false\n")
        with pytest.raises(ConfigurationError, match="'caller' is not enabled"):
            reload(daemon.worker.id)
        path.unlink()
        with pytest.raises(ConfigurationError, match="does not exist"):
            reload(daemon.worker.id)
        assert daemon.board.deployment.agents.keys() == {"watchman", "caller"}
        return RemainingWork(())

    monkeypatch.setattr(DaemonLoop, "run", run)
    assert house("run", "--agents", "caller").code == 0
    assert served == [["caller"], ["caller"]]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("", ["caller", "watchman"]),
        ("wa", ["watchman"]),
        ("watchman,", ["watchman,caller"]),
        ("caller,wa", ["caller,watchman"]),
        ("$(touch x),wa", []),
        ("caller,nobody", []),
    ],
)
def test_the_shell_completes_each_name_of_the_list(house: CommandLine, words: str, offered: list[str]) -> None:
    house("init")
    context = typer.Context(typer.main.get_command(app), info_name="blackboard")
    assert completion.agent_lists(context, words) == offered


def test_logs_are_json_lines_without_a_terminal(house: CommandLine) -> None:
    done = house("run", "--until-quiescent")
    lines = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert {"started", "stopped"} <= {line["event"] for line in lines}
    assert all(line["at"].endswith("Z") for line in lines)


def test_a_file_without_agents_is_reported(typed: CommandLine) -> None:
    done = typed("run", "--until-quiescent")
    assert done.code == 0
    assert "default.toml names no agents; add them, or name another deployment file" in done.err


def test_unfinished_work_is_reported(house: CommandLine) -> None:
    house("deposit", "smoke", "hall", "--payload", '{"detail": "thick"}', "--intensity", "0.9")
    house("pause", "watchman")
    done = house("run", "--until-quiescent")
    assert done.code == 0
    assert "watchman" in done.out


def test_a_deployment_with_mistakes_runs_nothing(house: CommandLine) -> None:
    house.write("blackboard.toml", '[deployment]\nagents = ["house_agents:watchmen"]\n')
    done = house("run", "--until-quiescent")
    assert done.code == 2
    assert "did you mean 'watchman'?" in done.err


ASKING = """
from pydantic import BaseModel

from blackboard import Context, Mark, agent, strength


class Lead(Mark, kind="lead", on_repeat="separate"):
    words: str


class Verdict(Mark, kind="verdict"):
    words: str


class Answer(BaseModel):
    words: str


@agent(watches=strength(Lead) >= 0.1, writes=[Verdict], batch=1)
def clerk(leads, context: Context):
    answer = context.ask("Judge.", leads[0].words, Answer, RULE)
    return Verdict(subject=leads[0].subject, words=answer.words)
"""


@pytest.mark.parametrize("has_rule", [True, False])
def test_a_lost_key_holds_all_calls_and_no_offline_rule_answers(
    house: CommandLine, monkeypatch: pytest.MonkeyPatch, has_rule: bool
) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_API_KEY_FILE", "BLACKBOARD_MODEL__PROVIDER"):
        monkeypatch.delenv(name, raising=False)
    module = f"clerk_{has_rule}"
    rule = "lambda data: Answer(words=data)" if has_rule else "None"
    house.write(f"{module}.py", ASKING.replace("RULE", rule))
    house.write("blackboard.toml", f'[deployment]\nagents = ["{module}:clerk"]\n')
    for n in range(3):
        assert house("deposit", "lead", f"lead/{n}", "--payload", '{"words": "good"}').code == 0
    done = house("run", "--until-quiescent")
    assert done.code == 0
    assert "anthropic, claude-haiku-5-5, but there is no key" in done.err
    assert "ANTHROPIC_API_KEY" in done.out
    status = house("status").out
    assert "but there is no key" in status
    assert "ANTHROPIC_API_KEY" in status
    assert "but there is no key" in house("doctor").out
    assert "verdict" not in house("marks", "--json").out
    monkeypatch.setenv("BLACKBOARD_MODEL__PROVIDER", "offline")
    house("run", "--until-quiescent")
    assert house("activations", "--state", "dead", "--json").json == []
    assert ("verdict" in house("marks", "--json").out) == has_rule
    assert "offline rules" in house("status").out


def test_a_dead_activation_is_a_table_row_and_can_be_retried_or_discarded(house: CommandLine) -> None:
    house.write(
        "broken_agents.py",
        "from blackboard import agent, strength\n\n\n"
        '@agent(watches=strength("call") >= 0.5, max_attempts=1)\n'
        "def broken(calls, context):\n"
        '    raise RuntimeError("no dial tone")\n',
    )
    path = house.folder / "blackboard.toml"
    path.write_text(path.read_text().replace('"house_agents:caller"', '"house_agents:caller", "broken_agents:broken"'))
    for subject in ("a", "b"):
        house("deposit", "call", subject, "--payload", '{"text": "x"}')
    assert "2 dead" in house("run", "--until-quiescent").out
    shown = house("activations", "--state", "dead").out
    assert shown.count("RuntimeError: no dial tone") == 2
    assert "line" not in shown
    rows = house("sql", "select id from activations where state = 'dead' order by id", "--json").json
    first, second = (row["id"] for row in rows)
    assert house("retry", str(first), "--json").json == {"id": first, "state": "ready"}
    assert house("discard", str(second), "--json").json == {"id": second, "state": "discarded"}
    assert house("discard", str(second)).code == 1
