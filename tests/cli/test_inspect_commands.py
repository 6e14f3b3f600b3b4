"""A reading command prints exactly one JSON document on request, and otherwise text for people."""

from __future__ import annotations

import inspect
import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from blackboard import Blackboard
from blackboard.board.activations.agent_claims import claims
from blackboard.board.activations.agent_claims.claims import Claim, ClaimRequest
from blackboard.board.activations.run_ends import activation_results
from blackboard.board.work_tables.activation_rows import insert_closed_activation
from blackboard.cli.app import COMMANDS, GROUPS, LazyCommands
from blackboard.cli.terminal.output import upcoming_time
from blackboard.clock import parse_instant
from blackboard.core.records.states import ActivationState
from blackboard.errors import UsageError
from blackboard.store.row_types.model_call_row_types import ModelPauseRow
from blackboard.store.statements import MODEL_CALLS
from tests.support.board_steps import in_transaction
from tests.support.command_line import DEPLOYMENT, CommandLine

READING = (
    ("marks",),
    ("history", "kitchen"),
    ("activity",),
    ("status",),
    ("agents",),
    ("agenda",),
    ("activations",),
    ("inbox",),
    ("explain", "watchman"),
    ("explain", "watchman", "kitchen"),
    ("check",),
    ("check", "--against-board"),
    ("sql", "select * from live_marks"),
)


@pytest.fixture
def burning(house: CommandLine) -> CommandLine:
    """Return a house with smoke in two rooms, in one of them strong enough to wake the watchman."""
    house("deposit", "smoke", "kitchen", "--payload", '{"detail": "thick"}', "--intensity", "0.8")
    house("deposit", "smoke", "hall", "--payload", '{"detail": "thin"}', "--intensity", "0.2")
    return house


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_json_is_one_document_and_nothing_else(burning: CommandLine, words: tuple[str, ...]) -> None:
    done = burning(*words, "--json")
    assert done.code == 0
    assert done.json is not None
    assert done.err == ""


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_text_is_for_people(burning: CommandLine, words: tuple[str, ...]) -> None:
    done = burning(*words)
    assert done.code == 0
    assert done.out.strip()
    assert "{'" not in done.out


def test_marks_come_strongest_first_and_can_be_narrowed(burning: CommandLine) -> None:
    assert [mark["subject"] for mark in burning("marks", "--json").json] == ["kitchen", "hall"]
    assert [mark["subject"] for mark in burning("marks", "--min-strength", "0.5", "--json").json] == ["kitchen"]
    assert [mark["subject"] for mark in burning("marks", "--subject", "hall", "--json").json] == ["hall"]
    assert burning("marks", "--kind", "alarm", "--json").json == []
    assert burning("marks", "--min-strength", "nan").code == 2


def test_marks_are_found_by_their_text(house: CommandLine) -> None:
    house.write("blackboard.toml", DEPLOYMENT + '[kinds.note]\nsearch = ["text"]\ntags = ["topic"]\n')
    house("init")
    for subject, said, topic in (("a", "Pricing objections", "sales"), ("b", "pricing", "support"), ("c", "rain", "x")):
        payload = json.dumps({"text": said, "topic": topic})
        assert house("deposit", "note", subject, "--payload", payload).code == 0
    assert "searches" in house("status").out
    done = house("search", "pric*", "--json")
    assert (done.json["exact"], done.json["complete"]) == (True, True)
    assert {mark["subject"] for mark in done.json["marks"]} == {"a", "b"}
    assert set(done.json["marks"][0]) >= {"score", "relevance", "strength", "payload"}
    assert [mark["subject"] for mark in house("search", "pricing", "--tag", "topic=sales", "--json").json["marks"]] == [
        "a"
    ]
    assert "rain" in house("search", "--any", "rain", "objections", "--kind", "note", "--faded", "--limit", "5").out
    wrong = house("search", "--raw", "rain AND")
    assert (wrong.code, "syntax error" in wrong.err) == (2, True)
    assert house("search", "nothing").out.strip() == "no marks"


def test_marks_are_found_by_tags_as_their_kinds_type_them(house: CommandLine) -> None:
    text = (house.folder / "blackboard.toml").read_text()
    tagged = 'tags = ["detail", "floor_number"]\n[kinds.ticket]\ntags = ["queue", "open", "detail"]\n'
    house.write("blackboard.toml", text + tagged)
    assert house("init").code == 0
    for subject, payload in (("a", {"detail": "3", "floor_number": 3}), ("b", {"detail": "red"})):
        assert house("deposit", "smoke", subject, "--payload", json.dumps(payload)).code == 0
    for subject, ticket in (("c", {"queue": "3", "open": True}), ("d", {"queue": 3.0, "detail": "red"})):
        assert house("deposit", "ticket", subject, "--payload", json.dumps(ticket)).code == 0

    def found(*words: str) -> set[str]:
        return {mark["subject"] for mark in house("marks", "--json", *words).json}

    assert found("--kind", "smoke", "--tag", "floor_number=3.0") == found("--tag", "floor_number=3") == {"a"}
    assert found("--tag", "detail=red") == {"b", "d"}
    assert found("--tag", "detail=red", "--tag", "detail=3", "--kind", "smoke") == {"a", "b"}
    assert found("--tag", "detail=red", "--tag", "floor_number=3") == set()
    assert found("--tag", "queue=3") == {"c", "d"}
    assert found("--tag", "queue=3", "--tag", "open=true") == {"c"}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            ("--kind", "smoke", "--tag", "floor=3"),
            "there is no tag 'floor' of kind 'smoke'; did you mean 'floor_number'",
        ),
        (("--tag", "flor_number=3"), "there is no tag 'flor_number'; did you mean 'floor_number'"),
        (("--tag", "floor_number=high"), "floor_number=high of kind 'smoke': expected a number"),
        (("--tag", "detail"), "'detail' is not a tag; write NAME=VALUE"),
    ],
)
def test_a_wrong_tag_is_refused(house: CommandLine, words: tuple[str, ...], problem: str) -> None:
    text = (house.folder / "blackboard.toml").read_text()
    house.write("blackboard.toml", text + 'tags = ["detail", "floor_number"]\n')
    assert house("init").code == 0
    done = house("marks", *words)
    assert (done.code, done.out) == (2, "")
    assert problem in done.err


def test_marks_can_be_listed_at_another_instant(burning: CommandLine) -> None:
    later = burning("marks", "--at", "2999-01-01", "--json").json
    assert later == []
    assert burning("marks", "--at", "1999-01-01", "--json").json == []
    assert burning("marks", "--at", "yesterday").code == 2


def test_omitted_marks_are_reported_on_stderr(burning: CommandLine) -> None:
    done = burning("marks", "--limit", "1", "--json")
    assert len(done.json) == 1
    assert "--limit" in done.err


def test_an_unknown_name_is_reported_with_the_nearest_name(burning: CommandLine) -> None:
    assert "did you mean 'smoke'?" in burning("marks", "--kind", "smokes").err
    assert "did you mean 'watchman'?" in burning("explain", "watchmann").err
    assert "did you mean 'caller'?" in burning("activations", "--agent", "callr").err
    assert burning("activations", "--state", "sleeping").code == 2


def test_untrusted_text_reaches_a_terminal_as_text(house: CommandLine) -> None:
    house("deposit", "smoke", "\x1b[31mred[bold]", "--payload", '{"detail": "\\u001b]0;title\\u0007 [/bold]"}')
    for words in (("marks",), ("watch", "--once"), ("sql", "select subject, payload from live_marks"), ("agenda",)):
        done = house(*words)
        assert "\x1b" not in done.out
        assert "\x07" not in done.out
    assert "red[bold]" in house("marks").out


def test_explain_shows_value_and_threshold(burning: CommandLine) -> None:
    assert re.search(r"is 0\.(2|1\d*) of 0\.7", burning("explain", "watchman", "hall").out)  # it fades meanwhile
    assert "of 0.7" in burning("explain", "watchman", "hall").out
    values = burning("explain", "watchman", "hall", "--json").json["watches"][0]["values"][0]
    assert (values["threshold"], values["met"]) == (0.7, False)


def test_watch_shows_marks_and_agents(burning: CommandLine) -> None:
    done = burning("watch", "--once")
    assert done.code == 0
    assert "kitchen" in done.out
    assert "watchman" in done.out


def test_every_command_shows_an_example(house: CommandLine) -> None:
    for name in LazyCommands():
        assert re.search(rf"blackboard (--\S+ \S+ )*{name}", house(name, "--help").out), name


def test_the_help_lists_each_command_once_in_a_group(typed: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    helped = typed("--help").out
    assert re.findall(r"^╭─ ([\w ]+) ─", helped, re.MULTILINE) == ["Options", *(group.title for group in GROUPS)]
    assert re.findall(r"^│ ([a-z]\S+)", helped, re.MULTILINE) == list(LazyCommands())
    assert len(set(COMMANDS)) == sum(len(group.modules) for group in GROUPS)


def test_help_fits_eighty_columns_and_shows_no_types_of_python(
    typed: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name, command in LazyCommands().items():
        shown = typed(name, "--help").out
        assert not re.search(r"<(bool|str|int|float|path|list)", shown), name
        assert "`" not in shown, name
        examples = (inspect.getdoc(command.callback) or "").partition("Examples:\n")[2]
        assert set(examples.splitlines()) <= {
            line.strip("\n").removeprefix(" ").rstrip() for line in shown.splitlines()
        }


def test_help_shows_every_word_of_a_command_and_takes_none_for_markup(typed: CommandLine) -> None:
    for name, command in LazyCommands().items():
        shown = " ".join(typed(name, "--help").out.split())
        # A group has no function, and since Python 3.13 None has a docstring.
        described = (inspect.getdoc(command.callback) or "").replace("\b\n", "") if command.callback else ""
        for line in described.splitlines():
            assert " ".join(line.split()) in shown, (name, line)
    assert "[daemon] grace" in typed("run", "--help").out


def test_a_narrow_terminal_keeps_the_essential_columns(burning: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = "somebody.with.a.long.name@an.even.longer.example"
    burning("deposit", "smoke", subject, "--payload", '{"detail": "thick"}', "--intensity", "0.123456")
    monkeypatch.setenv("COLUMNS", "80")
    shown = burning("marks").out.splitlines()
    assert shown[1].split() == ["id", "kind", "subject", "strength", "age", "payload"]
    (line,) = (line for line in shown if line.split()[:1] == ["3"])
    assert "…" in line
    assert "0.12" in line
    assert '{"detail"' in line
    assert all(len(line) <= 80 for line in shown)


def test_a_deferred_activation_shows_its_next_attempt_and_the_reason(burning: CommandLine) -> None:
    with Blackboard.open(burning.url) as board:
        claim = board.session.write(
            lambda txn: claims.claim(txn, txn.deployment.agent("watchman"), ClaimRequest("w", 10**9))
        )
        until = parse_instant("2099-01-31T15:00:00Z")
        assert isinstance(claim, Claim)
        in_transaction(board, activation_results.defer, claim.row, until=until, reason="the API cannot be reached")
    assert "again at 2099-01-31 15:00:00: the API cannot be reached" in burning("activations").out
    out = burning("explain", "watchman").out
    assert "is retried at 2099-01-31T15:00:00.000000Z: the API cannot be reached" in out
    assert burning("activations", "--json").json[0]["error"] == "the API cannot be reached"


def test_an_activation_is_shown_in_full_with_the_commands_for_it(house: CommandLine) -> None:
    path = house.folder / "house_agents.py"
    broken = "    raise ValueError(f'no stairs to the {smokes[0].subject}')\n"
    path.write_text(path.read_text().replace("    return [Alarm", broken + "    return [Alarm", 1))
    house.write("blackboard.toml", f"{DEPLOYMENT}\n[agents.watchman]\nmax_attempts = 1\n")
    house("deposit", "smoke", "kitchen", "--payload", '{"detail": "thick"}', "--intensity", "0.8")
    house("run", "--until-quiescent")
    [failed] = house("activations", "--json").json
    out = house("activation", str(failed["id"])).out
    assert f"activation {failed['id']} of watchman about kitchen: dead, " in out
    assert re.search(r"given +smoke +kitchen +0\.[78]\d* +live, 0\.[1-8]", out)
    assert "ValueError: no stairs to the kitchen" in out
    assert "house_agents.py" in out  # the traceback
    retry = f"blackboard retry {failed['id']}"
    assert retry in out
    assert house(*retry.split()[1:]).code == 0
    details = house("activation", str(failed["id"]), "--json").json
    assert (details["activation"]["state"], details["marks"][0]["payload"]["detail"]) == ("ready", "thick")
    assert "'blackboard activations' lists them" in house("activation", "99").err


def test_skipped_activations_are_shown_on_request_and_states_can_be_combined(burning: CommandLine) -> None:
    with Blackboard.open(burning.url) as board:
        burning("run", "--until-quiescent")
        [activation] = board.activations()
        board.session.write(
            lambda txn: (
                insert_closed_activation(
                    txn, next(iter(txn.active.watches.values())), "hall", ActivationState.SKIPPED, "no", txn.now
                )
                and None
            )
        )
        assert [row.state for row in board.activations()] == ["skipped", "done"]
        assert [row.state for row in board.activations(state=["done", "dead"])] == ["done"]
        with pytest.raises(UsageError, match="did you mean 'skipped'"):
            board.activations(state="skiped")
    assert [row["id"] for row in burning("activations", "--json").json] == [activation.id]
    shown = burning("activations", "--state", "skipped", "--state", "done", "--json").json
    assert [row["state"] for row in shown] == ["skipped", "done"]
    assert "--state skipped" in burning("activations", "--agent", "caller").out


def test_a_crossing_is_woken(house: CommandLine) -> None:
    house.write(
        "blackboard.toml",
        (house.folder / "blackboard.toml").read_text()
        + """
[agents.watchman]
batch_window = "1h"
""",
    )
    house("deposit", "smoke", "kitchen", "--payload", '{"detail": "thin"}')
    assert house("agenda", "--json").json[0]["held_by"] == "batch_window"
    assert house("wake", "1").out == "watchman may wake about kitchen now\n"
    house("pause", "watchman", "--reason", "lunch")
    assert "does not wake about kitchen yet; what holds it: it is paused: lunch" in house("wake", "1").out
    assert house("wake", "1", "--json").json["agent"] == "watchman"
    assert house("wake", "7").code == 1


def test_the_agenda_has_a_limit_and_says_so(burning: CommandLine) -> None:
    burning("deposit", "smoke", "attic", "--payload", '{"detail": "thick"}', "--intensity", "0.9")
    done = burning("agenda", "--limit", "1", "--json")
    assert [(item["subject"], item["state"]) for item in done.json] == [("attic", "waiting")]
    assert "--limit N" in done.err
    assert [item["subject"] for item in burning("agenda", "--json").json] == ["attic", "kitchen"]


def test_an_agent_without_writes_has_no_empty_cell_and_no_column_is_empty(house: CommandLine) -> None:
    path = house.folder / "house_agents.py"
    path.write_text(path.read_text().replace(", writes=[Alarm], batch=10, kinds=[Call]", ", batch=10, kinds=[Alarm]"))
    house("init")
    out = house("agents").out
    assert "withdraws" not in out
    [row] = [line for line in out.splitlines() if "watchman" in line]
    assert row.split("watch:")[0].split()[-2:] == ["none", "-"]


NOW = datetime(2026, 1, 5, 9, 0, 0, 500_000, UTC)


@pytest.mark.parametrize(
    ("ahead", "shown"),
    [
        (timedelta(microseconds=1), "2026-01-05 09:00:01"),
        (timedelta(seconds=29.5), "2026-01-05 09:00:30"),
        (timedelta(minutes=59, seconds=59), "2026-01-05 10:00:00"),
        (timedelta(hours=1), "2026-01-05 10:01"),
        (timedelta(days=3), "2026-01-08 09:01"),
        (timedelta(0), "2026-01-05 09:00:00"),
        (timedelta(seconds=-90), "2026-01-05 08:58:30"),
    ],
)
def test_an_instant_to_come_is_never_shown_as_past(ahead: timedelta, shown: str) -> None:
    assert upcoming_time(NOW + ahead, NOW, minutes=True) == shown


def test_what_is_due_is_not_announced(burning: CommandLine) -> None:
    with Blackboard.open(burning.url) as board:
        claim = board.session.write(
            lambda txn: claims.claim(txn, txn.deployment.agent("watchman"), ClaimRequest("w", 10**9))
        )
        assert isinstance(claim, Claim)
        board.session.write(
            lambda txn: activation_results.defer(txn, claim.row, until=txn.now, reason="the API cannot be reached")
        )
    assert "due since 20" in burning("activations").out
    assert "is due since 20" in burning("explain", "watchman").out
    assert "again at" not in burning("activations").out


def test_status_names_everything_that_is_paused(burning: CommandLine) -> None:
    def paused() -> str:
        return next(line for line in burning("status").out.splitlines() if line.startswith("paused")).strip()

    assert paused().split() == ["paused", "no"]
    with Blackboard.open(burning.url) as board:
        row = ModelPauseRow("", "m-1", "403: no", 1, 1, 1, failures=1, refusals=0, is_access=1, suspect=None)
        board.session.write(lambda txn: txn.sql.run(MODEL_CALLS.set_model_pause, **row._asdict()))
        other = row._replace(agent="watchman", reason="no JSON")
        board.session.write(lambda txn: txn.sql.run(MODEL_CALLS.set_model_pause, **other._asdict()))
    assert "model m-1: the provider refuses calls: 403: no" in paused()
    assert "model m-1 for watchman: its answers are unusable: no JSON" in paused()
    burning("pause", "watchman", "--reason", "a holiday")
    assert "agent watchman: a holiday; model m-1" in paused()
    burning("pause")
    assert "the board: no reason given; agent watchman: a holiday; model m-1" in paused()
    document = burning("status", "--json").json
    assert (document["paused"], document["paused_agents"]) == (True, {"watchman": "a holiday"})
    assert document["paused_models"] == {"m-1": "403: no"}
    assert document["unusable_answers"] == {"watchman": {"m-1": "no JSON"}}


def test_work_of_an_agent_that_was_taken_out_is_counted_by_every_command(burning: CommandLine) -> None:
    path = burning.folder / "blackboard.toml"
    path.write_text(path.read_text().replace('"house_agents:watchman", ', ""))
    counted = "watchman is not in the deployment; 1 of its crossings and activations are held"
    assert counted in burning("check", "--against-board").out
    assert burning("check", "--against-board", "--json").json["against_board"]["gone_agents"] == {"watchman": 1}
    assert counted in burning("init").err
    assert counted in burning("status").out
    assert "its agent is gone" in burning("agenda").out
    assert "watchman is not in the active deployment" in burning("doctor").out
    done = burning("run", "--until-quiescent")
    assert "watchman: 1 held, its agent is gone" in done.out
    [line] = [json.loads(line) for line in done.err.splitlines() if "their agents are not in" in line]
    assert (line["level"], line["held"]) == ("warning", {"watchman": 1})
