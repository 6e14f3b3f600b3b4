"""Every good row of a file becomes a mark, every bad row is saved with its number and the reason.

Loading a file again adds nothing.
"""

from __future__ import annotations

import csv
import json

import pytest

from tests.support.command_line import DEPLOYMENT, CommandLine

WORDS = ("--kind", "smoke", "--subject", "room")


def rejects(house: CommandLine, name: str) -> list[dict[str, str]]:
    with (house.folder / f"{name}.rejects.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def subjects(house: CommandLine) -> list[str]:
    return sorted(mark["subject"] for mark in house("marks", "--json").json)


def test_a_csv_with_a_byte_order_mark_loads_and_a_second_time_adds_nothing(house: CommandLine) -> None:
    name = house.write("a.csv", "\ufeffroom,detail\nhall,thin\nkitchen,thick\n")
    first = house("load", name, *WORDS, "--json")
    assert first.json["deposited"] == 2
    second = house("load", name, *WORDS, "--json")
    assert (second.json["deposited"], second.json["duplicate"]) == (0, 2)
    assert subjects(house) == ["hall", "kitchen"]


def test_a_row_that_was_loaded_as_another_mark_is_rejected(house: CommandLine) -> None:
    name = house.write("a.csv", "room,detail\nhall,thin\nkitchen,thick\n")
    house("load", name, *WORDS)
    again = house("load", name, *WORDS, "--intensity", "0.5", "--json")
    assert (again.json["deposited"], again.json["duplicate"], again.json["rejected"]) == (0, 0, 2)
    assert ["stands for another deposit" in row["reason"] for row in rejects(house, name)] == [True, True]
    assert {mark["intensity"] > 0.9 for mark in house("marks", "--json").json} == {True}


def test_a_column_says_when_each_row_occurred(house: CommandLine) -> None:
    name = house.write("a.csv", "room,text,time\nhall,x,2020-01-31 15:00\nhall,x,2020-02-01\nhall,x,1580000000.5\n")
    words = ("load", name, "--kind", "call", "--subject", "room", "--occurred-at", "time", "--json")
    assert house(*words).json["deposited"] == 3
    assert house(*words).json["duplicate"] == 3
    events = house("history", "hall", "--json").json
    assert [event["occurred_at"][:19] for event in events] == [
        "2020-01-31T15:00:00", "2020-02-01T00:00:00", "2020-01-26T00:53:20",
    ]  # fmt: skip
    assert all("time" not in event["payload"] for event in events)


def test_a_row_without_a_time_or_from_the_future_is_rejected(house: CommandLine) -> None:
    rows = "".join(f'{{"room": "hall", "text": "x", "at": {at}}}\n' for at in ('"soon"', "null", "9e9", '"2020-01-31"'))
    name = house.write("a.jsonl", rows)
    done = house("load", name, "--kind", "call", "--subject", "room", "--occurred-at", "at", "--json")
    assert (done.json["deposited"], done.json["rejected"]) == (1, 3)
    reasons = [row["reason"] for row in rejects(house, name)]
    assert "'soon' is not a time" in reasons[0]
    assert reasons[1] == "the row has no time, because its column 'at' is empty"
    assert "ahead of the board's time" in reasons[2]


def test_a_column_of_times_that_does_not_exist_is_an_error(house: CommandLine) -> None:
    name = house.write("a.csv", "room,text\nhall,x\n")
    done = house("load", name, "--kind", "call", "--subject", "room", "--occurred-at", "tim")
    assert (done.code, "has no column 'tim'" in done.err) == (2, True)


def test_two_equal_rows_become_two_marks(house: CommandLine) -> None:
    name = house.write("a.csv", "room,text\nhall,hello\nhall,hello\n")
    for deposited in (2, 0):
        done = house("load", name, "--kind", "call", "--subject", "room", "--json")
        assert done.json["deposited"] == deposited
    assert subjects(house) == ["hall", "hall"]


def test_columns_are_mapped_omitted_and_tried_in_turn_for_the_subject(house: CommandLine) -> None:
    name = house.write("a.csv", "email,phone,note,junk\n,123,thin,x\na@b.c,,thick,y\n")
    words = ("--subject", "email", "--subject", "phone", "--map", "note=detail", "--map", "junk=")
    assert house("load", name, "--kind", "smoke", *words, "--json").json["loaded"] == 2
    assert subjects(house) == ["123", "a@b.c"]


def test_an_intensity_may_be_a_number_or_a_column(house: CommandLine) -> None:
    name = house.write("a.csv", "room,detail,score\nhall,thin,0.9\nattic,thin,much\ncellar,thin,nan\n")
    done = house("load", name, *WORDS, "--intensity", "score", "--json")
    assert (done.json["loaded"], done.json["rejected"]) == (1, 2)
    assert [row["row"] for row in rejects(house, name)] == ["3", "4"]
    assert house("load", name, *WORDS, "--map", "score=", "--intensity", "0.5", "--json").json["crossed"] == {}
    assert done.json["crossed"] == {"watchman": 1}


def test_bad_rows_are_saved_with_reasons_and_good_rows_are_loaded(house: CommandLine) -> None:
    name = house.write(
        "a.csv",
        b"room,detail,floor_number\n"
        b"hall,thin,1\n"
        b"attic,thin\n"  # 3: too few
        b"attic,thin,1,2\n"  # 4: too many
        b"cell\xffar,thin,1\n"  # 5: not UTF-8
        b",thin,1\n"  # 6: no subject
        b"\n"
        b"roof,,1\n"  # 8: no detail
        b"yard,thin,many\n"  # 9: no number
        b'"porch,thin,1\n'  # 10: an open quote
        b'"garden","two\nlines",2\n'
        b"kitchen,thick,3\n",
    )
    done = house("load", name, *WORDS)
    assert done.code == 0
    assert "3 rows loaded" in done.out
    assert "7 rows rejected" in done.err
    assert subjects(house) == ["garden", "hall", "kitchen"]
    found = {int(row["row"]): row["reason"] for row in rejects(house, name)}
    assert sorted(found) == [3, 4, 5, 6, 8, 9, 10]
    assert found[3] == "2 fields, but the header has 3"
    assert found[5].startswith("not UTF-8 text: byte 0xff")
    assert "'room' is empty" in found[6]
    assert "detail: field required" in found[8]
    assert "floor_number: " in found[9]
    assert "quote" in found[10]
    assert house("load", name, *WORDS, "--strict").code == 1


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_the_delimiter_is_detected_from_the_header(house: CommandLine, delimiter: str) -> None:
    name = house.write(
        "a.csv", delimiter.join(("room", "detail")) + "\n" + delimiter.join(("hall", "thin, grey")) + "\n"
    )
    assert house("load", name, *WORDS, "--json").json["loaded"] == 1


def test_json_lines_are_loaded_and_their_bad_rows_are_saved(house: CommandLine) -> None:
    name = house.write(
        "a.jsonl", '{"room": "hall", "detail": "thin"}\n{"room": \n[1]\n{"room": "x", "detail": NaN}\n{"detail": "y"}\n'
    )
    done = house("load", name, *WORDS, "--json")
    assert (done.json["loaded"], done.json["rejected"]) == (1, 4)
    assert [row["row"] for row in rejects(house, name)] == ["2", "3", "4", "5"]


@pytest.mark.parametrize("text", ["room,detail\nhall,thin\n", '{"room": "hall", "detail": "thin"}\n'])
def test_the_format_of_stdin_is_detected_from_its_first_character(house: CommandLine, text: str) -> None:
    assert house("load", "-", *WORDS, "--json", stdin=text).json["loaded"] == 1


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ("", (), "is empty"),
        ("room,detail\n", ("--subject", "rom"), "did you mean 'room'?"),
        ("room,detial\n", (), "no field for 'detial'"),
        ("room,detail\n", ("--map", "detail=detai"), "did you mean 'detail'?"),
        ("room,detail\n", ("--map", "detail"), "write it like"),
        ("room,detail\n", ("--kind", "smok"), "did you mean 'smoke'?"),
        ("room,detail\n", ("--intensity", "-3"), "between 0 and 1e12"),
        ("room;detail\n", ("--delimiter", "--"), "write one character"),
        ("room,detail\n", ("--encoding", "utf-99"), "is not known"),
        ("room,detail\n", ("--extra", "keep"), "takes only the fields detail, floor_number"),
        ("room,detail\nhall,\u0434\u043e\u043c\n".encode("cp1251"), (), "name its encoding, such as --encoding"),
        (b"PK\x03\x04\x14\x00\x06\x00", (), "save the sheet as CSV"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_refused_with_the_reason(
    house: CommandLine, text: str | bytes, words: tuple[str, ...], message: str
) -> None:
    house("init")
    name = house.write("a.csv", text)
    done = house("load", name, *WORDS, *words)
    assert done.code == 2
    assert message in done.err
    assert subjects(house) == []


def test_a_missing_file_is_reported(house: CommandLine) -> None:
    assert "does not exist" in house("load", "no.csv", *WORDS).err
    assert "is not a file" in house("load", ".", *WORDS).err


def test_json_lines_without_the_subject_column_are_refused_with_the_nearest_name(house: CommandLine) -> None:
    name = house.write("a.jsonl", '{"room": "hall", "detail": "thin"}\n{"room": "attic", "detail": "thin"}\n')
    done = house("load", name, "--kind", "smoke", "--subject", "roon")
    assert done.code == 2
    assert "its first rows have no column 'roon' for the subject; did you mean 'room'?" in done.err
    assert subjects(house) == []
    assert not list(house.folder.glob("*.rejects.csv"))


def test_json_lines_without_the_intensity_column_are_refused(house: CommandLine) -> None:
    name = house.write("a.jsonl", '{"room": "hall", "detail": "thin", "score": 0.5}\n')
    done = house("load", name, *WORDS, "--intensity", "scor")
    assert done.code == 2
    assert "did you mean 'score'?" in done.err


def test_an_unused_column_is_reported_if_the_rows_load_without_it(house: CommandLine) -> None:
    name = house.write("a.jsonl", '{"room": "hall", "detail": "thin"}\n')
    done = house("load", name, "--kind", "smoke", "--subject", "rooom", "--subject", "room", "--map", "detial=")
    assert done.code == 0
    assert "no row has a column 'rooom'; did you mean 'room'?" in done.err
    assert "no row has a column 'detial'; did you mean 'detail'?" in done.err


def test_a_column_that_only_later_rows_have_is_accepted(house: CommandLine) -> None:
    name = house.write("a.jsonl", '{"room": "hall", "detail": "thin"}\n{"phone": "1", "room": "", "detail": "x"}\n')
    done = house("load", name, *WORDS, "--subject", "phone", "--json")
    assert (done.code, done.json["loaded"]) == (0, 2)
    assert "no row has" not in done.err


def test_a_report_names_the_tags_of_the_rows_and_a_tag_chooses_rows(house: CommandLine) -> None:
    house.write("blackboard.toml", DEPLOYMENT + 'tags = ["detail", "floor_number"]\n')
    rows = [
        {"room": f"{number}", "detail": "red" if number % 3 else "blue", "floor_number": number} for number in range(7)
    ]
    name = house.write("rooms.jsonl", "\n".join(map(json.dumps, rows)))
    words = ("load", name, "--kind", "smoke", "--subject", "room", "--map", "room=")
    done = house(*words, "--tag", "detail=red", "--tag", "floor_number=4", "--tag", "floor_number=5", "--json").json
    assert (done["loaded"], done["skipped"]) == (2, 5)
    assert done["tags"] == {"detail": {"red": 2}, "floor_number": {"4": 1, "5": 1}}
    done = house(*words)
    assert "detail: red 4, blue 3\nfloor_number: 0 1, 1 1, 2 1, 3 1, 4 1, and 2 more values\n" in done.out
    done = house(*words, "--tag", "detial=red")
    assert "there is no tag 'detial' of kind 'smoke'; did you mean 'detail'" in done.err
