"""A reading command prints exactly one JSON document on request, and otherwise text for people."""

from __future__ import annotations

import inspect

import pytest

from blackboard import Blackboard
from blackboard.board import activation_results, claims
from blackboard.cli.app import LazyGroup
from blackboard.clock import parse_instant
from tests.cli.conftest import Typed

READING = (
    ("marks",),
    ("history", "kitchen"),
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
def burning(house: Typed) -> Typed:
    """Return a house with smoke in two rooms, in one of them strong enough to wake the watchman."""
    house("deposit", "smoke", "kitchen", "--payload", '{"detail": "thick"}', "--intensity", "0.8")
    house("deposit", "smoke", "hall", "--payload", '{"detail": "thin"}', "--intensity", "0.2")
    return house


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_json_is_one_document_and_nothing_else(burning: Typed, words: tuple[str, ...]) -> None:
    done = burning(*words, "--json")
    assert done.code == 0
    assert done.json is not None
    assert done.err == ""


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_text_is_for_people(burning: Typed, words: tuple[str, ...]) -> None:
    done = burning(*words)
    assert done.code == 0
    assert done.out.strip()
    assert "{'" not in done.out


def test_marks_come_strongest_first_and_can_be_narrowed(burning: Typed) -> None:
    assert [mark["subject"] for mark in burning("marks", "--json").json] == ["kitchen", "hall"]
    assert [mark["subject"] for mark in burning("marks", "--min-strength", "0.5", "--json").json] == ["kitchen"]
    assert [mark["subject"] for mark in burning("marks", "--subject", "hall", "--json").json] == ["hall"]
    assert burning("marks", "--kind", "alarm", "--json").json == []
    assert burning("marks", "--min-strength", "nan").code == 2


def test_marks_can_be_listed_at_another_instant(burning: Typed) -> None:
    later = burning("marks", "--at", "2999-01-01", "--json").json
    assert later == []
    assert burning("marks", "--at", "1999-01-01", "--json").json == []
    assert burning("marks", "--at", "yesterday").code == 2


def test_omitted_marks_are_reported_on_stderr(burning: Typed) -> None:
    done = burning("marks", "--limit", "1", "--json")
    assert len(done.json) == 1
    assert "--limit" in done.err


def test_an_unknown_name_is_reported_with_the_nearest_name(burning: Typed) -> None:
    assert "did you mean 'smoke'?" in burning("marks", "--kind", "smokes").err
    assert "did you mean 'watchman'?" in burning("explain", "watchmann").err
    assert "did you mean 'caller'?" in burning("activations", "--agent", "callr").err
    assert burning("activations", "--state", "sleeping").code == 2


def test_untrusted_text_reaches_a_terminal_as_text(house: Typed) -> None:
    house("deposit", "smoke", "\x1b[31mred[bold]", "--payload", '{"detail": "\\u001b]0;title\\u0007 [/bold]"}')
    for words in (("marks",), ("watch", "--once"), ("sql", "select subject, payload from live_marks"), ("agenda",)):
        done = house(*words)
        assert "\x1b" not in done.out
        assert "\x07" not in done.out
    assert "red[bold]" in house("marks").out


def test_explain_shows_value_and_threshold(burning: Typed) -> None:
    assert "0.2" in burning("explain", "watchman", "hall").out
    assert "of 0.7" in burning("explain", "watchman", "hall").out
    values = burning("explain", "watchman", "hall", "--json").json["watches"][0]["values"][0]
    assert (values["threshold"], values["met"]) == (0.7, False)


def test_watch_shows_marks_and_agents(burning: Typed) -> None:
    done = burning("watch", "--once")
    assert done.code == 0
    assert "kitchen" in done.out
    assert "watchman" in done.out


def test_every_command_shows_an_example(house: Typed) -> None:
    helped = house("--help").out
    names = [line.split()[1] for line in helped.splitlines() if line.startswith("│ ") and line[2].isalpha()]
    assert {"init", "load", "demo", "explain"} <= set(names)
    for name in names:
        if house(name, "--help").code == 0 and name != "Examples":
            assert f"blackboard {name}" in house(name, "--help").out.replace("--config config/leads.toml ", "")


def test_help_shows_every_word_of_a_command_and_takes_none_for_markup(typed: Typed) -> None:
    for name, command in LazyGroup().items():
        shown = " ".join(typed(name, "--help").out.split())
        described = (inspect.getdoc(command.callback) or "").replace("\b\n", "")
        for line in described.splitlines():
            assert " ".join(line.split()) in shown, (name, line)
    assert "[daemon] grace" in typed("run", "--help").out


def test_a_narrow_terminal_keeps_the_essential_columns(burning: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_deferred_activation_shows_its_next_attempt_and_the_reason(burning: Typed) -> None:
    with Blackboard.open("sqlite:///house.db") as board:
        claim = board.session.write(lambda txn: claims.claim(txn, txn.deployment.agent("watchman"), "w", 10**9))
        until = parse_instant("2099-01-31T15:00:00Z")
        assert claim is not None
        board.session.write(
            lambda txn: activation_results.defer(txn, claim.row, until=until, reason="the API cannot be reached")
        )
    assert "again at 2099-01-31 15:00:00: the API cannot be reached" in burning("activations").out
    out = burning("explain", "watchman").out
    assert "is retried at 2099-01-31T15:00:00.000000Z: the API cannot be reached" in out
    assert burning("activations", "--json").json[0]["error"] == "the API cannot be reached"
