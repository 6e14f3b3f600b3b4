"""`run` deploys the file, does the work, and reports unfinished work."""

from __future__ import annotations

import json

from tests.cli.conftest import Typed


def test_until_quiescent_runs_until_no_progress_is_possible(house: Typed) -> None:
    for room in ("kitchen", "hall", "attic"):
        house("deposit", "smoke", room, "--payload", '{"detail": "thick"}', "--intensity", "0.9")
    done = house("run", "--until-quiescent")
    assert done.code == 0
    assert [mark["kind"] for mark in house("marks", "--json").json].count("alarm") == 3
    assert house("marks", "--kind", "call", "--json").json[0]["payload"]["text"] == "3 alarms"
    assert {row["state"] for row in house("activations", "--json").json} == {"done"}
    assert house("agenda", "--json").json == []


def test_logs_are_json_lines_without_a_terminal(house: Typed) -> None:
    done = house("run", "--until-quiescent")
    lines = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert {"started", "stopped"} <= {line["event"] for line in lines}
    assert all(line["at"].endswith("Z") for line in lines)


def test_unfinished_work_is_reported(house: Typed) -> None:
    house("deposit", "smoke", "hall", "--payload", '{"detail": "thick"}', "--intensity", "0.9")
    house("pause", "watchman")
    done = house("run", "--until-quiescent")
    assert done.code == 0
    assert "watchman" in done.out


def test_a_deployment_with_mistakes_runs_nothing(house: Typed) -> None:
    house.write("blackboard.toml", '[deployment]\nagents = ["house_agents:watchmen"]\n')
    done = house("run", "--until-quiescent")
    assert done.code == 2
    assert "did you mean 'watchman'?" in done.err


def test_a_provider_without_a_key_is_a_configuration_error(house: Typed) -> None:
    path = house.folder / "blackboard.toml"
    path.write_text(path.read_text() + '\n[model]\nprovider = "anthropic"\n')
    done = house("run", "--until-quiescent")
    assert done.code == 2
    assert "ANTHROPIC_API_KEY" in done.err


def test_a_dead_activation_is_a_table_row_and_can_be_retried_or_discarded(house: Typed) -> None:
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
    assert house("activations", "--retry", str(first), "--json").json == {"id": first, "state": "ready"}
    assert house("activations", "--discard", str(second), "--json").json == {"id": second, "state": "discarded"}
    assert house("activations", "--discard", str(second)).code == 1
