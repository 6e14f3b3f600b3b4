"""Common options may be before or after a command, and wrong usage changes nothing."""

from __future__ import annotations

import re

import pytest

from blackboard.cli.entry_point import main, move_common_first
from tests.support.command_line import CommandLine


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("marks --config a.toml --kind lead", "--config a.toml marks --kind lead"),
        ("marks --database=x.db", "--database=x.db marks"),
        ("--author ada marks --json", "--author ada marks --json"),
        ("marks --config", "--config marks"),
        ("sql -- --config", "sql -- --config"),
    ],
)
def test_common_options_may_be_anywhere(typed: str, read: str) -> None:
    assert move_common_first(typed.split()) == read.split()


def test_a_database_may_be_a_path(house: CommandLine) -> None:
    assert house("init", "--database", "other.db").code == 0
    assert (house.folder / "other.db").exists()
    assert not (house.folder / "house.db").exists()


def test_the_author_signs_deposits(house: CommandLine) -> None:
    house("deposit", "call", "a", "--payload", '{"text": "x"}')
    house("deposit", "call", "b", "--payload", '{"text": "x"}', "--author", "webform")
    authors = {mark["subject"]: mark["author"] for mark in house("marks", "--json").json}
    assert authors == {"a": "person:ada", "b": "webform"}


def test_the_environment_names_the_file_and_overrides_it(house: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    (house.folder / "blackboard.toml").rename(house.folder / "house.toml")
    monkeypatch.setenv("BLACKBOARD_CONFIG", "house.toml")
    monkeypatch.setenv("BLACKBOARD_DATABASE__URL", "sqlite:///elsewhere.db")
    assert house("init").code == 0
    assert (house.folder / "elsewhere.db").exists()


@pytest.mark.parametrize("words", [(), ("nonsense",), ("marks", "--nonsense"), ("deposit",), ("answer", "x", "yes")])
def test_wrong_usage_exits_with_2(house: CommandLine, words: tuple[str, ...]) -> None:
    assert house(*words).code == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("withdraw", "first"), "input should be a valid integer, not 'first'|'first' is not a valid integer"),
        (("marks", "--limit", "0"), "input should be greater than or equal to 1, not '0'|0 is not in the range"),
        (("activations", "--state", "broken"), "'--state': 'broken' is not one of 'ready', 'running'"),
    ],
)
def test_an_error_about_an_argument_names_the_wrong_value(
    house: CommandLine, words: tuple[str, ...], message: str
) -> None:
    """In the earliest version of typer, the error has no cause, and the words are those of typer."""
    assert re.search(message, " ".join(house(*words).err.replace("│", " ").split()))


def test_a_missing_file_is_a_configuration_error(house: CommandLine) -> None:
    done = house("marks", "--config", "no.toml")
    assert done.code == 2
    assert "no.toml" in done.err


def test_the_version_needs_no_command(typed: CommandLine) -> None:
    done = typed("--version")
    assert done.code == 0
    assert len(done.out.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [("history", "caf\udce9"), ("--database", "b\udcff.db", "marks"), ("deposit", "x", "y", "--\udc80"), ("\udcc3(",)],
)
def test_an_argument_that_is_not_text_is_refused(
    words: tuple[str, ...], house: CommandLine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["blackboard", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"error: argument \d is not valid UTF-8", line)
    assert not [path for path in house.folder.iterdir() if path.suffix == ".db"]


def test_a_query_that_is_not_text_is_refused(house: CommandLine) -> None:
    house("init")
    done = house("sql", "-", stdin=b"select '\xff'")
    assert done.code == 2
    assert "is not UTF-8 text: the byte at position 8 is wrong" in done.err
