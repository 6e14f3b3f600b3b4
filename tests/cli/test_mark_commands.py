"""A command that changes the board reports the change; a failed command changes nothing and reports the reason."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import typer.main

from blackboard.cli.app import app
from blackboard.system.files.packaged_files import config_file
from tests.support.command_line import CommandLine


def test_the_first_command_creates_the_board_and_registers_the_deployment(house: CommandLine) -> None:
    assert house("deposit", "smoke", "kitchen", "--payload", '{"detail": "thin"}').code == 0
    assert {row["agent"] for row in house("agents", "--json").json} == {"watchman", "caller"}


def test_init_deploys_once_and_says_what_changed(house: CommandLine) -> None:
    first, second = house("init"), house("init")
    assert first.code == second.code == 0
    assert "agent watchman: new" in first.out
    assert "new" not in second.out
    assert "deployment 1" in second.out


def test_a_file_without_agents_removes_no_agents(house: CommandLine, tmp_path: Path) -> None:
    house("init")
    (tmp_path / "blackboard.toml").unlink()
    assert house("init", "--database", house.url).code == 0
    assert len(house("agents", "--json", "--database", house.url).json) == 2


def test_init_writes_an_example_and_deploys_it(typed: CommandLine) -> None:
    done = typed("init", "--example", "leads")
    assert done.code == 0
    assert done.out.startswith("blackboard.toml is written\n")
    written = typed.folder / "blackboard.toml"
    assert written.read_bytes() == config_file("leads.toml").read_bytes()
    assert stat.S_IMODE(written.stat().st_mode) == 0o644, "others may read it, and cannot change what runs"
    assert {row["agent"] for row in typed("agents", "--json").json} == {"sales", "scheduler", "analyst", "coordinator"}


def test_an_example_is_written_where_the_deployment_file_is_looked_for(
    typed: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLACKBOARD_CONFIG", "named.toml")
    assert typed("init", "--example", "default").code == 0
    assert typed("--config", "other.toml", "init", "--example", "default").code == 0
    assert sorted(path.name for path in typed.folder.glob("*.toml")) == ["named.toml", "other.toml"]


def test_an_example_never_replaces_a_file(typed: CommandLine) -> None:
    path = typed.folder / "blackboard.toml"
    path.write_text("# mine\n")
    done = typed("init", "--example", "leads")
    assert (done.code, "blackboard.toml already exists" in done.err) == (2, True)
    assert path.read_text() == "# mine\n"


def test_an_example_never_follows_a_link(typed: CommandLine) -> None:
    (typed.folder / "blackboard.toml").symlink_to("elsewhere.toml")
    done = typed("init", "--example", "leads")
    assert (done.code, "blackboard.toml already exists" in done.err) == (2, True)
    assert [file.name for file in typed.folder.iterdir()] == ["blackboard.toml"]


def test_deposit_shows_its_outcome_and_the_crossed_agents(house: CommandLine) -> None:
    done = house("deposit", "smoke", "kitchen", "--payload", '{"detail": "thick"}', "--intensity", "0.8")
    assert done.out == "mark 1 deposited, strength 0.8; reached the threshold of watchman\n"


def test_a_deposit_may_read_its_payload_from_stdin(house: CommandLine) -> None:
    assert house("deposit", "smoke", "hall", "--payload", "-", stdin='{"detail": "thin"}').code == 0


def test_a_deposit_with_the_same_key_changes_nothing(house: CommandLine) -> None:
    words = ("deposit", "call", "ada", "--payload", '{"text": "hello"}', "--key", "k1", "--json")
    assert house(*words).json["outcome"] == "deposited"
    assert house(*words).json["outcome"] == "duplicate"
    assert len(house("marks", "--json").json) == 1


def test_an_empty_key_stores_nothing(house: CommandLine) -> None:
    """A script that passes an empty variable must not lose all deposits but the first."""
    for room in ("hall", "kitchen"):
        done = house("deposit", "smoke", room, "--payload", '{"detail": "x"}', "--key", "")
        assert done.code == 2
        assert "the key is blank" in done.err
    assert house("marks", "--json").json == []


def test_a_deposit_may_say_when_it_occurred(house: CommandLine) -> None:
    words = ("deposit", "call", "ada", "--payload", '{"text": "x"}', "--occurred-at", "2020-01-31T15:00:00+01:00")
    assert house(*words).code == 0
    assert house("marks", "--json").json[0]["occurred_at"] == "2020-01-31T14:00:00.000000Z"
    [event] = house("history", "ada", "--json").json
    assert event["occurred_at"] < event["recorded_at"]
    assert "occurred" in house("history", "ada").out
    ahead = house(*words[:-1], "2999-01-31")
    assert ahead.code == 2
    assert "ahead of the board's time" in ahead.err


@pytest.mark.parametrize(
    ("law", "named"),
    [
        (("--half-life", "2h"), "exponential(half_life=2h)"),
        (("--decay", '{"law": "linear", "lifetime": "3d"}'), "linear(lifetime=3d)"),
        (("--until", "2999-01-31"), "step"),
    ],
)
def test_a_deposit_may_have_its_own_law(house: CommandLine, law: tuple[str, ...], named: str) -> None:
    assert house("deposit", "call", "ada", "--payload", '{"text": "x"}', *law).code == 0
    assert house("marks", "--json").json[0]["law"].startswith(named)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("smok", "k"), "did you mean 'smoke'?"),
        (("smoke", "k", "--payload", "{"), "not valid JSON"),
        (("smoke", "k", "--payload", "[]"), "a payload is a JSON object"),
        (("smoke", "k", "--payload", "{}"), "detail: field required"),
        (("smoke", "k", "--payload", '{"detail": "x", "floor_number": "many"}'), "floor_number: "),
        (("smoke", "k", "--payload", '{"detail": NaN}'), "detail: "),
        (("smoke", " ", "--payload", '{"detail": "x"}'), "the subject is empty"),
        (("smoke", "s" * 513, "--payload", '{"detail": "x"}'), "at most 512"),
        (("smoke", "k", "--payload", '{"detail": "x"}', "--intensity", "-1"), "between 0 and 1e12, not -1"),
        (("smoke", "k", "--payload", '{"detail": "x"}', "--intensity", "nan"), "between 0 and 1e12, not nan"),
        (("smoke", "k", "--payload", '{"detail": "x"}', "--intensity", "inf"), "between 0 and 1e12, not inf"),
        (("smoke", "k", "--payload", '{"detail": "x"}', "--intensity", "much"), "value for '--intensity'"),
        (("smoke", "k", "--payload", '{"detail": "x"}', "--half-life", "3"), "a bare number has no unit"),
        (("smoke", "k", "--payload", '{"detail": "x"}', "--decay", '{"law": "linar"}'), "did you mean 'linear'?"),
        (("smoke", "k", "--payload", '{"detail": "x"}', "--until", "soon"), "is not a time"),
        (("smoke", "k", "--payload", '{"detail": "x"}', "--until", "1999-01-01"), "is in the past"),
        (("smoke", "k", "--half-life", "3d", "--until", "2999-01-01"), "use only one of them"),
        (("smoke", "k", "--payload", '{"detail": "x"}', "--author", "watchman"), "is an agent of this board"),
    ],
)
def test_an_invalid_deposit_names_the_reason_and_changes_nothing(
    house: CommandLine, words: tuple[str, ...], message: str
) -> None:
    house("init")
    done = house("deposit", *words)
    assert (done.code, done.out) == (2, "")
    assert message in " ".join(done.err.replace("│", " ").split())
    assert house("marks", "--json").json == []


def test_without_a_deployment_an_unknown_kind_suggests_a_deployment_file(typed: CommandLine) -> None:
    done = typed("deposit", "smoke", "k")
    assert done.code == 2
    assert "name a deployment file with --config" in done.err


def test_withdraw_removes_a_mark_once(house: CommandLine) -> None:
    house("deposit", "call", "ada", "--payload", '{"text": "x"}')
    assert house("withdraw", "1").code == 0
    assert house("marks", "--json").json == []
    again = house("withdraw", "1")
    assert again.code == 1
    assert "mark 1 was withdrawn" in again.err


def test_reinforce_adds_to_the_strength_of_a_mark(house: CommandLine) -> None:
    house("deposit", "call", "ada", "--payload", '{"text": "x"}')
    assert house("reinforce", "1", "--by", "0.5").out == "mark 1 reinforced, strength 1.5\n"
    done = house("reinforce", "1", "--by", "0.5", "--json").json
    assert (done["outcome"], done["strength"], done["event_id"]) == ("reinforced", 2.0, 3)
    assert "by must be a number above 0" in house("reinforce", "1", "--by", "-1").err
    assert (house("reinforce", "1", "--by", "nan").code, house("reinforce", "7", "--by", "1").code) == (2, 1)
    assert house("reinforce", "1").code == 2


def test_a_change_may_depend_on_the_event_that_was_read(house: CommandLine) -> None:
    deposit = ("deposit", "smoke", "kitchen", "--payload", '{"detail": "thin"}', "--if-event")
    event = house(*deposit, "0", "--json").json["event_id"]
    again = house(*deposit, "0")
    assert (again.code, f"there is one at event {event}; read it again" in again.err) == (1, True)
    [mark] = house("marks", "--json").json
    assert mark["event_id"] == event
    assert house("reinforce", str(mark["id"]), "--by", "0.1", "--if-event", str(event)).code == 0
    assert house("withdraw", str(mark["id"]), "--if-event", str(event)).code == 1
    assert house("withdraw", str(mark["id"]), "--if-event", str(event + 1)).code == 0


@pytest.fixture
def asked(house: CommandLine) -> CommandLine:
    """Return a house with a need whose id is 1."""
    house("deposit", "need", "ada", "--payload", '{"question": "Tuesday?", "options": ["yes", "no"]}')
    return house


def test_the_inbox_shows_a_need_as_text_as_json_or_by_its_id(asked: CommandLine) -> None:
    assert "Tuesday?" in asked("inbox").out
    assert asked("inbox", "--json").json[0]["payload"]["options"] == ["yes", "no"]
    assert asked("inbox", "--ids").out == "1\n"
    assert asked("inbox", "--ids", "--json").code == 2


def test_an_answer_deposits_a_decision_and_empties_the_inbox(asked: CommandLine) -> None:
    assert asked("answer", "1", "yes").code == 0
    assert asked("inbox", "--json").json == []
    assert asked("marks", "--kind", "decision", "--json").json[0]["payload"]["answer"] == "yes"


def test_an_answer_outside_the_options_is_given_only_on_request(asked: CommandLine) -> None:
    done = asked("answer", "1", "Tuesday 15:00 is fine")
    assert (done.code, "'yes', 'no'" in done.err, "--any-answer" in done.err) == (2, True, True)
    assert asked("answer", "1", "Tuesday 15:00 is fine", "--any-answer").code == 0
    assert asked("marks", "--kind", "decision", "--json").json[0]["payload"]["answer"] == "Tuesday 15:00 is fine"


def test_a_second_answer_is_refused_and_names_the_first(asked: CommandLine) -> None:
    asked("answer", "1", "yes")
    done = asked("answer", "1", "no")
    assert done.code == 1
    assert "need 1 was answered by person:ada at 20" in done.err


def test_an_empty_answer_is_refused(house: CommandLine) -> None:
    house("deposit", "need", "ada", "--payload", '{"question": "Tuesday?"}')
    done = house("answer", "1", "  ")
    assert done.code == 2
    assert "the answer is empty" in done.err
    assert len(house("inbox", "--json").json) == 1
    assert house("marks", "--kind", "decision", "--json").json == []


def test_a_paused_agent_is_shown_as_paused_until_it_is_resumed(house: CommandLine) -> None:
    house("init")
    assert house("pause", "watchman", "--reason", "holiday").code == 0
    assert "holiday" in house("agents").out
    assert "holiday" in house("explain", "watchman").out
    assert house("resume", "watchman").code == 0
    assert "holiday" not in house("agents").out
    assert "did you mean 'watchman'?" in house("pause", "watchmen").err


def test_a_missing_activation_can_be_neither_retried_nor_discarded(house: CommandLine) -> None:
    house("init")
    for word in ("retry", "discard"):
        done = house(word, "9")
        assert done.code == 1
        assert "no activation 9" in done.err


def test_every_command_that_changes_the_board_reports_it_as_one_json_document(house: CommandLine) -> None:
    made = house("init", "--json").json
    assert (made["deployment"], made["written"]) == (1, None)
    assert "agent watchman: new" in made["changed"]
    assert house("init", "--json").json["changed"] == []
    house("deposit", "need", "ada", "--payload", '{"question": "Tuesday?", "options": ["yes", "no"]}')
    assert house("assign", "1", "bob", "--json").json == {"need_id": 1, "assignee": "bob"}
    answered = house("answer", "1", " YES ", "--json").json
    [decision] = house("marks", "--kind", "decision", "--json").json
    assert (answered["need_id"], answered["mark_id"], answered["event_id"]) == (1, decision["id"], decision["event_id"])
    assert answered["outcome"] == "deposited"
    assert answered["crossed"] == []
    withdrawn = house("withdraw", str(decision["id"]), "--json").json
    assert withdrawn == {"mark_id": decision["id"], "outcome": "withdrawn"}
    paused = house("pause", "watchman", "--reason", "holiday", "--json").json
    assert paused == {"agent": "watchman", "paused": True, "reason": "holiday"}
    assert house("resume", "watchman", "--json").json == {"agent": "watchman", "paused": False}
    assert house("pause", "--json").json == {"agent": None, "paused": True, "reason": None}
    assert house("resume", "--json").json == {"agent": None, "paused": False}


def test_init_says_as_json_which_example_it_wrote(typed: CommandLine) -> None:
    assert typed("init", "--example", "default", "--json").json["written"] == "blackboard.toml"


WITHOUT_JSON = {"run", "serve", "watch", "demo", "mcp", "connect"}
"""The commands that end with no single result: a log, a view, a story, and the changes of a project's files."""


def test_every_other_command_takes_json() -> None:
    commands = dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    for group in ("token", "outbox"):
        commands |= {f"{group} {name}": command for name, command in commands.pop(group).commands.items()}
    takes = {name for name, command in commands.items() if any("--json" in item.opts for item in command.params)}
    assert commands.keys() - takes == WITHOUT_JSON


def test_the_inbox_leaves_out_what_an_agent_is_woken_for(house: CommandLine) -> None:
    house("deposit", "need", "ada", "--payload", '{"question": "Tuesday?", "answerable_by": ["nobody"]}')
    [need] = house("inbox", "--all", "--json").json
    assert (need["answerable_by"], need["waits_for"]) == ([], [])
    refused = house("deposit", "need", "ada", "--payload", '{"question": "Tuesday?", "answerable_by": "nobody"}')
    assert (refused.code, "answerable_by" in refused.err) == (2, True)
