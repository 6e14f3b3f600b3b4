"""A shell completes the names of the board, creates no board, and shows no error."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from blackboard.cli.app import app
from tests.support.command_line import DEPLOYMENT, CommandLine


@pytest.fixture
def completed(house: CommandLine) -> Callable[[str], list[str]]:
    def complete(text: str) -> list[str]:
        words = text.split(" ")
        environ = {
            "_BLACKBOARD_COMPLETE": "complete_bash",
            "COMP_WORDS": text.rstrip(),
            "COMP_CWORD": str(len(words) - 1),
        }
        result = CliRunner().invoke(app, [], prog_name="blackboard", env=environ)
        assert result.stderr == ""
        return result.stdout.split()

    return complete


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("blackboard explain ", ["caller", "watchman"]),
        ("blackboard explain w", ["watchman"]),
        ("blackboard explain watchman k", ["kitchen"]),
        ("blackboard history ", ["hall", "kitchen"]),
        ("blackboard pause c", ["caller"]),
        ("blackboard activations --agent w", ["watchman"]),
        ("blackboard deposit al", ["alarm"]),
        ("blackboard marks --kind s", ["smoke"]),
        ("blackboard init --example l", ["leads"]),
        ("blackboard --database other.db explain w", []),
    ],
)
def test_names_are_completed_from_the_board(
    house: CommandLine, completed: Callable[[str], list[str]], words: str, found: list[str]
) -> None:
    for room in ("hall", "kitchen"):
        house("deposit", "smoke", room, "--payload", '{"detail": "x"}')
    assert completed(words) == found
    assert not (house.folder / "other.db").exists()


def test_tags_and_their_values_are_completed(house: CommandLine, completed: Callable[[str], list[str]]) -> None:
    house.write("blackboard.toml", DEPLOYMENT + 'tags = ["detail", "floor_number"]\n')
    house("init")
    for detail, floor in (("red", 3), ("rose", 4), ("$(x)", 40)):
        house("deposit", "smoke", detail, "--payload", json.dumps({"detail": detail, "floor_number": floor}))
    assert completed("blackboard marks --tag ") == ["detail=", "floor_number="]
    assert completed("blackboard marks --tag detail=r") == ["detail=red", "detail=rose"]
    assert completed("blackboard marks --kind smoke --tag floor_number=4") == ["floor_number=4", "floor_number=40"]
    assert completed("blackboard marks --tag de") == ["detail=red", "detail=rose"]
    assert completed("blackboard marks --kind alarm --tag d") == []


def test_without_a_board_nothing_is_completed_or_created(
    house: CommandLine, completed: Callable[[str], list[str]]
) -> None:
    assert completed("blackboard explain ") == []
    assert not (house.folder / "house.db").exists()


def test_with_a_broken_deployment_file_nothing_is_completed(
    house: CommandLine, completed: Callable[[str], list[str]]
) -> None:
    house.write("blackboard.toml", "[database\n")
    assert completed("blackboard explain ") == []


def test_only_names_of_plain_characters_are_offered(house: CommandLine, completed: Callable[[str], list[str]]) -> None:
    hostile = [f"a{n}$(touch x)" for n in range(300)] + [
        "`x`",
        "-rf",
        "~",
        "a b",
        "a;b",
        "a:b",
        "a'",
        'a"',
        "a\\b",
        "\u202ea",
    ]
    house.write("rows.jsonl", "".join(json.dumps({"room": room, "detail": "x"}) + "\n" for room in [*hostile, "attic"]))
    assert house("load", "rows.jsonl", "--kind", "smoke", "--subject", "room").code == 0
    assert completed("blackboard history ") == ["attic"]
