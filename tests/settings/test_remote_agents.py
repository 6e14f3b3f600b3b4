"""A deployment file declares remote agents and kinds without Python; every mistake in them is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blackboard import Blackboard, ManualClock
from blackboard.errors import ConfigurationError, InvalidMark
from blackboard.settings.deployment_resolver import ResolvedDeployment, resolve_file

KINDS = """
[kinds.report.payload_schema]
type = "object"
required = ["text"]
additionalProperties = false
properties.text.type = "string"
properties.level.type = "integer"
[kinds.verdict]
tags = ["grade"]
payload_schema = { type = "object", properties = { grade = { type = "string" } } }
"""
AGENT = """
[agents.review]
remote = true
watches = 'strength("report") >= 0.5'
writes = ["verdict"]
"""


def resolved(folder: Path, text: str) -> ResolvedDeployment:
    path = folder / "board.toml"
    path.write_text(text)
    return resolve_file(path, {})


def test_a_file_declares_a_remote_agent_with_every_setting(tmp_path: Path) -> None:
    file = resolved(
        tmp_path,
        KINDS
        + """
[agents.review]
remote = true
writes = ["verdict"]
withdraws = ["report"]
reads = [{ kind = "verdict", same_subject = true, limit = 3 }]
batch = 4
per = "subject"
unless = 'count("verdict") >= 9'
[agents.review.watches]
many = 'count("report") >= 2'
[agents.review.watches.urgent]
when = 'strength("report") >= 0.9'
only_if = 'count("report") >= 1'
min_increase = 0.1
[agents.review.watches.nightly]
schedule = 'daily_at("02:00")'
[agents.tick]
remote = true
schedule = 'every("1h")'
timeout = "5m"
""",
    )
    review, tick = file.deployment.agents["review"], file.deployment.agents["tick"]
    assert (review.remote, review.code, review.writes, review.withdraws) == (True, None, ("verdict",), ("report",))
    assert (review.settings.batch, review.settings.per, review.reads[0].limit) == (4, "subject", 3)
    assert review.settings.timeout == 24 * 3600 * 1_000_000
    assert tick.settings.timeout == 300 * 1_000_000
    watches = {watch.name: (watch.when, watch.only_if, watch.unless) for watch in review.watches}
    nine = 'count("verdict") >= 9'
    assert watches["many"] == ('count("report") >= 2', None, nine)
    assert watches["urgent"] == ('strength("report") >= 0.9', 'count("report") >= 1', nine)
    assert watches["nightly"] == ('daily_at("02:00")', None, None)
    assert [watch.when for watch in tick.watches] == ['every("1h")']
    assert file.agents == {}  # no daemon runs one


def test_the_schema_in_the_file_checks_payloads(tmp_path: Path) -> None:
    with Blackboard.open(tmp_path / "board.db", clock=ManualClock()) as board:
        board.deploy(resolved(tmp_path, KINDS + AGENT).deployment)
        board.deposit("report", subject="r/1", payload={"text": "fine", "level": "3"})
        board.deposit("verdict", subject="r/1", payload={"grade": "good"})
        assert board.marks("report")[0].payload == {"text": "fine", "level": 3}
        assert len(board.marks("verdict", where={"grade": "good"})) == 1
        with pytest.raises(InvalidMark, match="text"):
            board.deposit("report", subject="r/2", payload={"level": 3})


def test_a_remote_agent_without_workers_is_shown_as_unserved(tmp_path: Path) -> None:
    with Blackboard.open(tmp_path / "board.db", clock=ManualClock()) as board:
        board.deploy(resolved(tmp_path, KINDS + AGENT).deployment)
        board.deposit("report", subject="r/1", payload={"text": "fine"})
        assert board.unserved_agents() == ["review"]
        verdict = board.explain("review").watches[0].verdict
        assert verdict == "it crossed and is ready, but it is remote, and no worker has claimed for it yet"
        assert [agent.remote for agent in board.agents()] == [True]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("[agents.review]\nremote = true", "agents.review.watches: nothing wakes it"),
        (
            AGENT.replace("verdict", "verdit"),
            "agents.review.writes: there is no kind 'verdit'; did you mean 'verdict'?",
        ),
        (AGENT.replace('"report"', '"raport"'), "watches.watch: there is no kind 'raport'; did you mean 'report'?"),
        (AGENT.replace(">=", "=>"), "agents.review.watches.watch.when: "),
        (AGENT.replace("review", "person:x").replace("agents.person:x", 'agents."person:x"'), "agents.person:x: "),
        (AGENT + "[agents.review.watches.more]\nonly_if = 'count(\"report\") >= 1'", "this setting is a text"),
        (AGENT + "unless = 'every(\"1h\")'", "agents.review"),
        (
            "[kinds.other.payload_schema]\ntype = 'array'",
            "kinds.other.payload_schema: a payload is an object, not 'array'",
        ),
        (
            "[kinds.other.payload_schema]\ntype = 'objekt'",
            "kinds.other.payload_schema: it is not a JSON schema: type: 'objekt'",
        ),
        (
            "[kinds.other.payload_schema]\n'$ref' = 'http://x/y'",
            "kinds.other.payload_schema: it refers to 'http://x/y'",
        ),
        ("[kinds.need.payload_schema]\ntype = 'object'", "kinds.need.payload_schema: the class blackboard:Need"),
    ],
)
def test_every_mistake_is_named_with_its_place(tmp_path: Path, text: str, mistake: str) -> None:
    if "this setting is a text" in mistake:
        text = text.replace("watches = 'strength(\"report\") >= 0.5'\n", "")
        mistake = "agents.review.watches.more: it has no condition; write when"
    with pytest.raises(ConfigurationError) as caught:
        resolved(tmp_path, KINDS + text)
    assert mistake in str(caught.value), caught.value


def test_a_watch_with_a_wrong_condition_is_one_mistake(tmp_path: Path) -> None:
    watches = "watches = { late = 'x', soon = 'strength(\"report\") > 0.5' }"
    text = AGENT.replace("watches = 'strength(\"report\") >= 0.5'", watches)
    with pytest.raises(ConfigurationError) as caught:
        resolved(tmp_path, KINDS + text)
    places = [mistake.place.rpartition(", ")[2] for mistake in caught.value.mistakes]
    assert places == ["agents.review.watches.late.when", "agents.review.watches.soon.when"]


def test_an_agent_in_python_declares_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "rain_agents.py").write_text(
        "from blackboard import Mark, agent, strength\n"
        "class Rain(Mark, kind='rain'): pass\n"
        "@agent(watches=strength(Rain) >= 0.5)\n"
        "def gauge(marks, context): return []\n"
    )
    head = '[deployment]\nagents = ["rain_agents:gauge"]\n'
    for text, mistake in (
        ("[agents.gauge]\nwrites = ['rain']", "agents.gauge.writes: only a remote agent has it"),
        ("[agents.gauge.watches.watch]\nwhen = 'strength(\"rain\") >= 1'", "agents.gauge.watches.watch.when"),
        ("[agents.gauge]\nremote = true\nwatches = 'strength(\"rain\") >= 1'", "an agent in Python has this name"),
    ):
        with pytest.raises(ConfigurationError, match=mistake.replace("(", ".").replace(".", r"\.")):
            resolved(tmp_path, head + text)


def test_a_daemon_cannot_be_asked_to_run_a_remote_agent(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="remote: its workers claim for it"):
        resolved(tmp_path, KINDS + AGENT).with_agents(["review"])
    assert json.loads(resolved(tmp_path, KINDS + AGENT).deployment.content())["agents"]["review"]["remote"] is True
