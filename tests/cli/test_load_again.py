"""`load --again` withdraws the marks of a wrong load, except those that agents were given or others have joined."""

from __future__ import annotations

import os
from typing import Any

import pytest

from blackboard.board.deposited_files import loaded_files
from tests.support.command_line import CommandLine, Done

ROWS = "room,detail,author,strong\nhall,thin,ada,0.4\nkitchen,thick,bob,0.9\nattic,grey,cyd,0.5\n"
RIGHT = ("--kind", "smoke", "--subject", "room", "--map", "author=", "--intensity", "strong")
WRONG = ("--kind", "smoke", "--subject", "author", "--map", "room=", "--intensity", "strong")


def load(house: CommandLine, *words: str, file: str = "a.csv") -> Done:
    return house("load", file, *words)


def subjects(house: CommandLine, kind: str = "smoke") -> list[str]:
    return sorted(mark["subject"] for mark in house("marks", "--kind", kind, "--json").json)


def again(house: CommandLine, *words: str) -> dict[str, Any]:
    done = load(house, *(words or RIGHT), "--again", "--json")
    assert done.code == 0, done
    return dict(done.json)


@pytest.fixture
def loaded(house: CommandLine) -> CommandLine:
    """Return a board on which a file was loaded by the wrong column."""
    house.write("a.csv", ROWS)
    assert load(house, *WRONG).code == 0
    assert subjects(house) == ["ada", "bob", "cyd"]
    return house


def test_what_the_file_deposited_is_withdrawn_and_loaded_anew(loaded: CommandLine) -> None:
    summary = again(loaded)
    assert (summary["withdrawn"], summary["kept"], summary["deposited"]) == (3, [], 3)
    assert subjects(loaded) == ["attic", "hall", "kitchen"]
    assert load(loaded, *RIGHT, "--json").json["duplicate"] == 3
    summary = again(loaded)  # even an unchanged load
    assert (summary["withdrawn"], summary["deposited"], summary["duplicate"]) == (3, 3, 0)
    assert subjects(loaded) == ["attic", "hall", "kitchen"]


def test_a_mark_that_was_given_to_an_agent_stays_and_is_listed(loaded: CommandLine) -> None:
    assert loaded("run", "--until-quiescent").code == 0  # bob's smoke is strong enough for the watchman
    summary = again(loaded)
    assert [(kept["subject"], kept["reason"]) for kept in summary["kept"]] == [("bob", "given to watchman")]
    assert summary["withdrawn"] == 2
    assert subjects(loaded) == ["attic", "bob", "hall", "kitchen"]
    assert subjects(loaded, "alarm") == ["bob"]
    done = load(loaded, *WRONG, "--again")  # the row of the mark that stayed is known
    assert "1 duplicate" in done.out
    assert "2 deposited" in done.out
    assert "given to watchman" in done.out


def test_work_that_has_not_begun_is_cancelled(loaded: CommandLine) -> None:
    assert len(loaded("agenda", "--json").json) == 1
    again(loaded)
    [item] = loaded("agenda", "--json").json
    assert item["subject"] == "kitchen"


def test_a_mark_that_a_deposit_from_elsewhere_joined_stays(loaded: CommandLine) -> None:
    words = ("--payload", '{"detail": "more"}', "--intensity", "0.6")
    assert loaded("--author", "person:eve", "deposit", "smoke", "ada", *words).code == 0
    done = load(loaded, *RIGHT, "--again")
    assert "2 marks of an earlier load withdrawn" in done.out
    assert "joined by deposits of person:eve" in done.out
    assert subjects(loaded) == ["ada", "attic", "hall", "kitchen"]


def test_a_row_that_joined_a_mark_from_elsewhere_stays_too(house: CommandLine) -> None:
    house.write("a.csv", ROWS)
    house("--author", "person:eve", "deposit", "smoke", "hall", "--payload", '{"detail": "x"}', "--intensity", "0.1")
    house("--author", "person:eve", "deposit", "smoke", "attic", "--payload", '{"detail": "x"}', "--intensity", "0.6")
    assert load(house, *RIGHT, "--json").json["unchanged"] == 1  # the smoke in the attic is stronger already
    summary = again(house, *WRONG)
    assert [kept["subject"] for kept in summary["kept"]] == ["hall"]
    assert summary["withdrawn"] == 1
    assert subjects(house) == ["ada", "attic", "bob", "cyd", "hall"]


def test_a_mark_that_only_rows_of_its_file_have_joined_is_withdrawn(house: CommandLine) -> None:
    house.write("a.csv", ROWS + "hall,thicker,dan,0.6\nhall,weak,dan,0.1\n")
    assert load(house, *RIGHT, "--json").json["loaded"] == 5
    summary = again(house, *WRONG)
    assert (summary["withdrawn"], summary["kept"]) == (3, [])
    assert subjects(house) == ["ada", "bob", "cyd", "dan"]


def test_other_files_and_other_deposits_are_left_alone(loaded: CommandLine) -> None:
    loaded.write("b.csv", ROWS.replace("a,", "o,"))
    assert load(loaded, *RIGHT, file="b.csv").code == 0
    loaded("deposit", "smoke", "shed", "--payload", '{"detail": "x"}', "--key", "k")
    before = set(subjects(loaded))
    again(loaded, *WRONG)
    assert set(subjects(loaded)) == before


def test_a_wrong_kind_and_a_wrong_author_are_mended(house: CommandLine) -> None:
    house.write("a.csv", "room,text\nhall,thin\nattic,thick\n")
    assert load(house, "--kind", "call", "--subject", "room").code == 0
    words = ("--kind", "smoke", "--subject", "room", "--map", "text=detail", "--author", "webform")
    assert again(house, *words)["withdrawn"] == 2
    assert (subjects(house, "call"), subjects(house)) == ([], ["attic", "hall"])
    assert {mark["author"] for mark in house("marks", "--json").json} == {"webform"}


def test_a_file_is_known_by_its_place_not_by_its_text(loaded: CommandLine) -> None:
    loaded.write("a.csv", ROWS.replace("ada", "zoe"))
    os.symlink(loaded.folder / "a.csv", loaded.folder / "link.csv")
    done = load(loaded, *WRONG, "--again", file="link.csv")
    assert "3 marks of an earlier load withdrawn" in done.out
    assert subjects(loaded) == ["bob", "cyd", "zoe"]
    (loaded.folder / "a.csv").rename(loaded.folder / "moved.csv")
    done = load(loaded, *RIGHT, "--again", file="moved.csv")
    assert "no earlier load of moved.csv is known" in done.err
    assert done.code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("--kind", "smoke", "--subject", "nothing"),
        ("--kind", "smoke", "--subject", "room"),  # columns without a field
        ("--kind", "smok", "--subject", "room"),
        ("--kind", "smoke", "--subject", "room", "--map", "author=", "--intensity", "detail"),  # every row is bad
    ],
)
def test_a_load_that_cannot_begin_withdraws_nothing(loaded: CommandLine, words: tuple[str, ...]) -> None:
    assert load(loaded, *words, "--again").code != 0
    assert subjects(loaded) == ["ada", "bob", "cyd"]


def test_the_command_of_a_message_keeps_the_option(loaded: CommandLine) -> None:
    assert "--again" in load(loaded, "--kind", "smoke", "--subject", "room", "--again").err


def test_a_stream_cannot_be_loaded_again(loaded: CommandLine) -> None:
    done = loaded("load", "-", *RIGHT, "--again", stdin=ROWS)
    assert done.code == 2
    assert "is a stream" in done.err


def test_a_large_load_is_withdrawn_in_batches(house: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaded_files, "WITHDRAWALS_PER_TRANSACTION", 7)
    house.write("a.csv", "room,detail\n" + "".join(f"room {number},thin\n" for number in range(50)))
    words = ("--kind", "smoke", "--subject", "room")
    assert load(house, *words).code == 0
    summary = again(house, "--kind", "smoke", "--subject", "detail", "--map", "room=", "--map", "detail=detail")
    assert (summary["loaded"], summary["withdrawn"], summary["kept"]) == (50, 50, [])
    assert subjects(house) == ["thin"]


def test_forgotten_and_withdrawn_marks_do_not_disturb_a_second_load(loaded: CommandLine) -> None:
    ids = {mark["subject"]: mark["id"] for mark in loaded("marks", "--json").json}
    loaded("withdraw", str(ids["ada"]))
    loaded("forget", "bob", "--yes")
    summary = again(loaded)
    assert (summary["withdrawn"], summary["kept"]) == (1, [])
    assert subjects(loaded) == ["attic", "hall", "kitchen"]
