"""Files of scenarios: a deployment, marks at instants, and what must follow."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from blackboard.errors import ConfigurationError
from blackboard.testing.scenario_runs import run_scenario
from tests.support.bounds import BOUND_SECONDS
from tests.support.command_line import CommandLine

DID = "; did you mean {!r}?".format

SCENARIO = """
deployment = "blackboard.toml"

[[given]]
kind = "smoke"
subject = "kitchen"
payload = { detail = "thick" }
intensity = 0.9

[[given]]
at = 2026-01-05T09:30:00Z
kind = "smoke"
subject = "hall"
payload = { detail = "thin" }
intensity = 0.2

[[expect]]
by = "1s"
wakes = "watchman"
subject = "kitchen"
times = 1

[[expect]]
by = "1s"
mark = "alarm"
payload = { level = 9 }

[[expect]]
by = "2h"
silence = "watchman"
subject = "hall"

[[expect]]
by = "2h"
no_mark = "alarm"
"""


def run(house: CommandLine, text: str) -> list[str]:
    house.write("house.board.toml", text)
    return [str(broken) for broken in run_scenario(house.folder / "house.board.toml")]


def test_the_command_succeeds_if_all_expectations_are_met(house: CommandLine) -> None:
    assert run(house, SCENARIO) == []
    done = house("test", "house.board.toml")
    assert (done.code, done.out.strip()) == (0, "house.board.toml: all expectations are met")


def test_an_unmet_expectation_shows_the_explanation_of_that_instant(house: CommandLine) -> None:
    weak = SCENARIO.replace("intensity = 0.9", "intensity = 0.5")
    first, second = run(house, weak)
    assert first.startswith(
        "expect 1: by 2026-01-05 09:00:01, watchman must wake once about 'kitchen', and was not woken"
    )
    assert 'strength("smoke") is 0.49' in first
    assert "of 0.7" in first
    assert second.startswith(
        "expect 2: by 2026-01-05 09:00:01, there must be a mark of alarm with {'level': 9}, and there is none"
    )
    lines = house("test", "house.board.toml").out.splitlines()
    assert lines[0] == "house.board.toml: 2 not met"
    assert [line[:12] for line in lines[1:] if line.startswith("  expect")] == ["  expect 1: ", "  expect 2: "]
    assert "    watchman on kitchen: may wake" in lines
    done = house("test", "house.board.toml", "--json")
    assert done.code == 1
    assert [unmet["number"] for unmet in done.json[0]["unmet"]] == [1, 2]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'wakes = "watchman"',
            'wakes = "watchmann"',
            "expect 1: there is no agent 'watchmann'" + DID("watchman"),
        ),
        ('mark = "alarm"', 'mark = "alram"', "expect 2: there is no kind 'alram'; did you mean 'alarm'?"),
        ("intensity = 0.9", 'every = "often"', "given 1 every: 'often' is not a duration"),
        ('by = "1s"', 'by = "soon"', "expect 1 by: 'soon' is not a duration"),
        (
            "intensity = 0.9",
            "intensitty = 0.9",
            "given 1 intensitty: there is no setting 'intensitty'" + DID("intensity"),
        ),
        ('silence = "watchman"', 'silence = "watchman"\\nmark = "alarm"', "name exactly one of wakes"),
        ("intensity = 0.9", "intensity = -1", "given 1: intensity must be a number"),
        (
            'detail = "thick"',
            'detial = "thick"',
            "given 1: the payload does not fit kind 'smoke': detail: field required; detial",
        ),
        ("intensity = 0.9", 'times = 10000\\nevery = "100000d"', "given 1 times: the last time is after the year 9999"),
        ("deployment", "start = 9999-12-31T23:00:00Z\\ndeployment", "expect 3 by: is after the year 9999"),
        ('by = "2h"', "by = 7200", "expect 3 by: is neither a length of time, such as 90s, nor a time with its date"),
        ('by = "2h"', "by = 11:00:00", "expect 3 by: is neither a length of time, such as 90s, nor a time"),
        ('by = "2h"', 'by = "2h"\\nafter = "2h"', "expect 3 after: is not earlier than 'by'"),
        ('silence = "watchman"', 'silence = "watchman"\\ntimes = 1', "expect 3: times would have no effect on silence"),
        ("times = 1", "payload = { level = 9 }", "expect 1: payload would have no effect on wakes"),
        ("times = 1", "min_strength = 0.5", "expect 1: min_strength would have no effect on wakes"),
        ('mark = "alarm"', 'mark = "alarm"\\nafter = "0s"', "expect 2: after would have no effect on mark"),
        ('no_mark = "alarm"', 'no_mark = "alarm"\\ntimes = 1', "expect 4: times would have no effect on no_mark"),
        ("level = 9", "levl = 9", "expect 2 payload: alarm has no field 'levl'" + DID("level")),
        ('mark = "alarm"', 'mark = "alarm"\\nmin_strength = nan', "expect 2 min_strength: input should be a finite"),
        ('"blackboard.toml"', '"none.toml"', "deployment: there is no file 'none.toml' beside it"),
        ("2026-01-05T09:30:00Z", "2025-01-05T09:30:00Z", "given 2 at: is earlier than the start"),
    ],
)
def test_a_mistake_is_named(house: CommandLine, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        run(house, SCENARIO.replace(old, new.replace("\\n", "\n"), 1))
    assert message in str(caught.value)


def test_an_expectation_without_a_subject_explains_what_was_given(house: CommandLine) -> None:
    text = SCENARIO.replace("intensity = 0.9", "intensity = 0.5").replace('subject = "kitchen"\ntimes = 1\n', "")
    first, _ = run(house, text)
    assert "watchman on kitchen: " in first
    assert "watchman on hall: " in first


def test_files_without_mistakes_run_all_the_same(house: CommandLine) -> None:
    house.write("good.board.toml", SCENARIO)
    house.write("bad.board.toml", SCENARIO.replace("times = 1", "tmes = 1"))
    house.write("worse.board.toml", SCENARIO.replace("intensity", "intnsity", 1))
    done = house("test", "bad.board.toml", "good.board.toml", "worse.board.toml")
    assert done.code == 2
    assert done.out.strip() == "good.board.toml: all expectations are met"
    assert "bad.board.toml: expect 1 tmes" in done.err
    assert "worse.board.toml: given 1 intnsity" in done.err


def test_a_mark_may_be_given_several_times(house: CommandLine) -> None:
    given = '[[given]]\nkind = "call"\nsubject = "brigade"\npayload = { text = "fire" }\n'
    given += 'at = "10m"\ntimes = 4\nevery = "1m"'
    text = f'deployment = "blackboard.toml"\n{given}\n[[expect]]\nby = "12m"\nmark = "call"\ntimes = 3\n'
    assert run(house, text) == []
    [broken] = run(house, text.replace('by = "12m"', 'by = "13m"'))
    assert broken.startswith("expect 1: by 2026-01-05 09:13:00, there must be 3 marks of call, and there is")


def test_the_model_answers_from_the_file_and_the_settings_are_replaced(house: CommandLine) -> None:
    path = house.folder / "house_agents.py"
    path.write_text(
        path.read_text().replace(
            "    return [Alarm(subject=s.subject, level=round(10 * s.strength)) for s in smokes]",
            "    answer = context.ask('How bad?', context.settings['house']['name'], Level)\n"
            "    return [Alarm(subject=s.subject, level=answer.level) for s in smokes]",
        )
        + "\n\nfrom pydantic import BaseModel\n\n\nclass Level(BaseModel):\n    level: int\n"
    )
    asked = 'answers = [{ level = 3 }]\n[settings.house]\nname = "ours"\n'
    text = SCENARIO.replace('deployment = "blackboard.toml"\n', f'deployment = "blackboard.toml"\n{asked}')
    assert run(house, text.replace("level = 9", "level = 3")) == []


@pytest.mark.processes
def test_pytest_collects_the_file_and_shows_why_it_fails(house: CommandLine) -> None:
    house.write("good.board.toml", SCENARIO)
    house.write("bad.board.toml", SCENARIO.replace("level = 9", "level = 8"))
    house.write("wrong.board.toml", SCENARIO.replace("times = 1", "tmes = 1"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "blackboard.pytest_plugin", "-p", "no:cacheprovider"],
        cwd=house.folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=BOUND_SECONDS,
        check=False,
    )
    assert "2 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "expect 1 tmes: there is no setting 'tmes'" in done.stdout
    assert "During handling" not in done.stdout
    assert (
        "there must be a mark of alarm with {'level': 8}, and there is kitchen: {'level': 9}, strength 0.99"
        in done.stdout
    )
