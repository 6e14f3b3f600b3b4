"""A file loads in the form that other programs write, and a note says what was assumed."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import shlex
import sys
from collections.abc import Callable
from typing import Any

import pytest

from blackboard.cli.row_files.row_reader import Rows
from tests.support.command_line import CommandLine, Done

SMOKE = ("--kind", "smoke", "--subject", "room")


def load(house: CommandLine, text: str | bytes, *words: str, name: str = "a.csv", **run: Any) -> Done:
    return house("load", house.write(name, text), *words, **run)


def marks(house: CommandLine) -> dict[str, dict[str, Any]]:
    return {mark["subject"]: mark["payload"] for mark in house("marks", "--json").json}


QUESTIONS = ("what, if anything, burns, and where?", "price, net", "how bad (1=low, 5=high)?", "two lines")


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ('"room";"what, if anything, burns, and where?"\nhall;thin\n', "thin"),
        ("room;price, net\nhall;1,5\n", "1,5"),
        ("room|detail\nhall|a;b;c\n", "a;b;c"),
        ('room, "detail"\nhall, "a, b"\n', "a, b"),
        ("sep=;\r\nroom;detail\r\nhall;a, b\r\n", "a, b"),
        ('"sep=^"\nroom^detail\nhall^a, b\n', "a, b"),
        ("room,detail\rhall,thin\r", "thin"),
        ("room;detail\nhall;a, b, c\nroof;d, e, f\n", "a, b, c"),
        ('"EXTF";700;"x";1,5;;;\nroom;detail\nhall;1,5\nroof;2,5\n', "1,5"),
        ('"Account:";"DE02 1";\n\n"From:";"1.1.2026";\nroom;detail;floor_number;;\nhall;1,5;1;;\nroof;2;1;;\n', "1,5"),
        ('room, detail, floor_number\nhall, thin, 1\nroof, "a, b", 2\n', "thin"),
        ("|room|detail|\n|---|:--|\n|hall |thin |\n", "thin"),
        ("+----+------+\n|room|detail|\n+----+------+\n|hall|thin  |\n+----+------+\n", "thin"),
        ("1.3.2026   List   1\n-------\n|room|detail|\n-------\n|hall|thin  |\n-------\n", "thin"),
        (" room | detail \n------+------\n hall | thin\n", "thin"),
        ("room\x01detail\nhall\x01thin\n", "thin"),
        ("room,detail\nhall,'=1+1\n", "=1+1"),
        ("room,detail\nhall,'+49 30 1\n", "+49 30 1"),
        ("room,detail\nhall,'90s\n", "'90s"),
        ("room,detail,,,\nhall,thin,,,\n,,,,\n", "thin"),
        ("room,detail\nhall,thin,,\n", "thin"),
        ('room,"how bad (1=low, 5=high)?"\nhall,4\n', "4"),
        ('room,"two\nlines"\nhall,thin\n', "thin"),
        ("room,detail\nhall," + "x" * 200_000 + "\n", "x" * 200_000),
        ("room,detail,detail\nhall,,late\n", "late"),
        ("room,detail\nhall,K\u00fchn\n".encode("utf-16"), "K\u00fchn"),
        ("room,detail\nhall,K\u00fchn\n".encode("utf-16-le"), "K\u00fchn"),
        ("room,detail\nhall,K\u00fchn\n".encode("utf-16-be"), "K\u00fchn"),
        (
            "room,detail\nhall,5 \u20ac f\u00fcr K\u00fchn, Stra\u00dfe 1\n".encode("cp1252").replace(b", S", b" S"),
            None,
        ),
        ("room,detail\nhall," + "x" * 300_000 + "\u00e9\n", "x" * 300_000 + "\u00e9"),
        (("room,detail\nhall," + "x" * 300_000 + "\u00e9\n").encode("cp1252"), "x" * 300_000 + "\u00e9"),
        (gzip.compress(b"room,detail\nhall,thin\n"), "thin"),
        (gzip.compress(b"room,detail\n") + gzip.compress(b"hall,thin\n"), "thin"),
        ("room,detail\rhall,K\u00fchn\r".encode("mac-roman"), "K\u00fchn"),
        ('room,detail\n"hall","says \\"no\\", twice"\n', 'says "no", twice'),
        ('room,detail\n"hall","ends with \\"\n', "ends with \\"),
        ('room\tdetail\nhall\t"quick" fire, 12" wide\n', '"quick" fire, 12" wide'),
        ('room\tdetail\nhall\t"a\tb"\n', "a\tb"),
        ('room,detail\nhall,"=""+49301"""\n', "+49301"),
        ("Report of fires\nPeriod: 1.11. to 20.11.\n\nroom,detail\nhall,thin\n", "thin"),
        ("Report of all\nFires, 2026\nroom;detail\nhall;a, b\n", "a, b"),
        ('"A report, with a comma"\nroom,detail\nhall,thin\n', "thin"),
    ],
    ids=itertools.count(),
)
def test_a_dialect_is_recognized(house: CommandLine, text: str | bytes, detail: str | None) -> None:
    head = house.write("head.csv", text)
    column = next((name for name in QUESTIONS if isinstance(text, str) and name in text.replace("\n", " ")), "detail")
    done = house("load", head, *SMOKE, "--map", f"{column}=detail", "--json")
    assert (done.code, done.json["rejected"]) == (0, 0), done.err
    assert marks(house)["hall"]["detail"] == (detail or "5 \u20ac f\u00fcr K\u00fchn Stra\u00dfe 1")


def test_a_file_in_another_encoding_than_the_named_one_is_refused(house: CommandLine) -> None:
    done = load(house, "subject,detail\nhall,thin\n", *SMOKE, "--encoding", "utf-16")
    assert done.code == 2
    said = "is not text in this encoding (UTF-16 stream does not start with BOM); name another"
    assert said in " ".join(done.err.split())


def test_a_guessed_encoding_is_said_and_a_named_one_is_used(house: CommandLine) -> None:
    assert "is read as cp1252" in load(house, "room,detail\nhall,K\u00fchn\n".encode("cp1252"), *SMOKE).err
    text = "room,detail\nattic,\u0434\u043e\u043c\n".encode("cp1251")
    assert load(house, text, *SMOKE, "--encoding", "cp1251").err == ""
    assert marks(house)["attic"]["detail"] == "\u0434\u043e\u043c"


def test_polish_of_a_spreadsheet_is_read_as_such_and_said(house: CommandLine) -> None:
    text = "room;detail\nhall;Micha\u0142 Wi\u015bniewski\n"
    done = load(house, text.encode("cp1250"), *SMOKE, "--json")
    assert "is read as cp1250; name another encoding with --encoding" in done.err
    assert done.json["encoding"] == "cp1250"
    assert marks(house)["hall"]["detail"] == "Micha\u0142 Wi\u015bniewski"


def test_utf_8_with_one_bad_row_stays_utf_8(house: CommandLine) -> None:
    text = "room,detail\nhall,K\u00fchn\nattic,gro\u00df\n".encode() + b"cellar,K\xfchn\n"
    done = load(house, text, *SMOKE, "--json")
    assert (done.json["loaded"], done.json["rejected"]) == (2, 1)


def test_a_delimiter_can_be_named(house: CommandLine) -> None:
    assert load(house, "room^detail\nhall^a,b;c\n", *SMOKE, "--delimiter", "^", "--json").json["loaded"] == 1
    assert load(house, "room\tdetail\nattic\ta,b;c\n", *SMOKE, "--delimiter", "tab", "--json").json["loaded"] == 1


def test_damaged_gzip_is_reported_after_the_rows_before_it(house: CommandLine) -> None:
    done = load(house, gzip.compress(b"room,detail\nhall,thin\n")[:-9], *SMOKE, name="a.csv.gz")
    assert done.code == 2
    assert "damaged gzip" in done.err


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_pipe_with_a_name_loads(house: CommandLine, compress: Callable[[bytes], bytes]) -> None:
    read, write = os.pipe()
    os.write(write, compress("room,detail\nhall,K\u00fchn\n,x\n".encode("cp1252")))
    os.close(write)
    done = house("load", f"/dev/fd/{read}", *SMOKE, "--json")
    os.close(read)
    assert (done.json["loaded"], done.json["rejects"]) == (1, "load.rejects.csv")


@pytest.mark.parametrize(
    ("start", "what"),
    [
        ("<?xml version='1.0'?><a/>", "is XML"),
        ("\n <HTML><table><tr><td>room</td></tr></table>", "is a web page"),
        ("\ufeff<!DOCTYPE html>", "is a web page"),
        ("{\\rtf1 room}", "is a document in RTF"),
    ],
)
def test_markup_that_is_named_like_a_table_is_refused(house: CommandLine, start: str, what: str) -> None:
    done = load(house, start, *SMOKE, name="a.xls")
    assert done.code == 2
    assert what in done.err


def test_lines_of_json_may_end_with_commas_and_mistakes_are_told_plainly(house: CommandLine) -> None:
    deep, long = "[" * 100_000, "9" * 5000
    text = f'{{"room": "hall"}},\n{{"room": "roof"}},\n{{"room": {deep}\n{{"room": {long}}}\n{{"room": x}}\n'
    done = load(house, text, *SMOKE, "--map", "room=detail", name="a.jsonl")
    assert "2 rows loaded" in done.out
    rejected = (house.folder / "a.jsonl.rejects.csv").read_text()
    for reason in ("nested too deeply", "too many digits", "Expecting value at character 10"):
        assert reason in rejected


def test_the_values_of_an_object_may_be_the_rows(house: CommandLine) -> None:
    text = json.dumps({"rooms": {"-N1": {"room": "hall", "detail": "x"}, "-N2": {"room": "roof", "detail": "y"}}})
    assert "2 rows loaded" in load(house, text, *SMOKE, "--each", "rooms", name="a.json").out
    assert set(marks(house)) == {"hall", "roof"}


def test_decimal_commas_are_numbers(house: CommandLine) -> None:
    text = "room;detail;floor_number;score\nhall;thin;1.234,0;0,8\nattic;thin;2;1,234\n"
    done = load(house, text, *SMOKE, "--intensity", "score", "--json")
    assert done.json["loaded"] == 2
    assert marks(house)["hall"]["floor_number"] == 1234
    done = load(house, 'room,detail,score\ncellar,thin,"0,5"\nroof,thin,"1,234"\n', *SMOKE, "--intensity", "score")
    assert "1 row rejected" in done.err  # it may mean 1234
    assert "cellar" in marks(house)


def test_columns_of_the_same_name_can_be_told_apart(house: CommandLine) -> None:
    done = load(house, "room,detail,detail\nhall,a,b\n", *SMOKE, "--map", "detail=", "--map", "detail#2=detail")
    assert done.code == 0
    assert marks(house)["hall"]["detail"] == "b"
    assert "2 columns are named 'detail'" in done.err


def test_a_value_in_a_column_without_a_name_is_not_dropped_unsaid(house: CommandLine) -> None:
    text = "room,detail,\nhall,thin,\nattic,thin,secret\n"
    assert load(house, text, *SMOKE, "--json").json["rejected"] == 1
    assert load(house, text, *SMOKE, "--map", "=", "--json").json["loaded"] == 2


def test_the_command_that_an_error_prints_loads_the_file(house: CommandLine) -> None:
    text = 'room,Detail,when,"who\'s"\nhall,thin,now,me\n'
    done = load(house, text, *SMOKE, "--author", "web form", name="a b.csv")
    assert done.code == 2
    assert marks(house) == {}
    words = shlex.split(done.err.strip().splitlines()[-1])
    assert words[0] == "blackboard"
    assert house(*words[1:]).code == 0
    assert house("marks", "--json").json[0]["author"] == "web form"
    assert marks(house)["hall"]["detail"] == "thin"


def test_a_required_field_without_a_column_is_named(house: CommandLine) -> None:
    done = load(house, "room,Was brennt\nhall,thin\n", *SMOKE, "--extra", "ignore")
    assert done.code == 2
    assert "no column gives the field 'detail' that each smoke needs" in done.err
    assert done.err.strip().endswith("--map COLUMN=detail")


def test_the_command_for_json_loads_it_too(house: CommandLine) -> None:
    done = load(house, '[{"room": "hall", "detail": "thin", "when": 3}]', *SMOKE, name="a.json")
    assert done.code == 2
    assert house(*shlex.split(done.err.strip().splitlines()[-1])[1:]).code == 0


NESTED = {"data": {"where": {"room": "hall"}, "notes": [{"text": 42}, {"text": "b"}], "a.b": "dotted"}, "id": 7}


@pytest.mark.parametrize(
    ("pair", "detail"),
    [
        ("data.notes.1.text=detail", "b"),
        ("detail=data.notes.1.text", "b"),
        ("data.notes.0.text=detail", "42"),
        ("data.a.b=detail", "dotted"),
        ("id=detail", "7"),
    ],
)
@pytest.mark.parametrize("shape", ["lines", "array", "pretty array", "pretty", "one line of two"])
def test_nested_json_is_read_by_paths(house: CommandLine, shape: str, pair: str, detail: str) -> None:
    text = {
        "lines": json.dumps(NESTED) + "\n",
        "array": json.dumps([NESTED]),
        "pretty array": json.dumps([NESTED], indent=2),
        "pretty": json.dumps(NESTED, indent=2),
        "one line of two": "[" + json.dumps(NESTED) + ",\n" + json.dumps({**NESTED, "data": {}}) + "]",
    }[shape]
    words = ("--subject", "data.where.room", "--map", pair, "--extra", "ignore")
    done = load(house, text, "--kind", "smoke", *words, "--json", name="a.json")
    assert done.json["loaded"] == 1, done.err
    assert marks(house) == {"hall": {"detail": detail, "floor_number": 0}}


def test_a_name_given_to_a_path_serves_as_the_subject(house: CommandLine) -> None:
    words = ("--subject", "room", "--map", "room=data.where.room", "--map", "id=detail")
    assert load(house, json.dumps(NESTED), "--kind", "smoke", *words, name="a.jsonl").code == 0
    assert marks(house) == {"hall": {"detail": "7", "floor_number": 0}}


def test_a_mistake_in_an_array_keeps_the_elements_before_it(house: CommandLine) -> None:
    text = '[{"room": "hall", "detail": "thin"},\n {"room": "attic" "detail": "thin"}]'
    done = load(house, text, *SMOKE, "--json", name="a.json")
    assert (done.json["loaded"], done.json["rejected"]) == (1, 1)


def test_a_large_array_is_read_in_time_that_grows_with_its_size(house: CommandLine) -> None:
    text = json.dumps([{"room": "hall", "detail": "x" * 50, "n": i} for i in range(20_000)])
    name = house.write("a.json", text)
    with (house.folder / name).open("rb") as stream:
        rows = Rows(stream, name)
        assert sum(1 for _ in rows) == 20_000


CALL = ("--kind", "call", "--subject", "room")


def test_a_column_that_is_left_out_is_not_part_of_the_key(house: CommandLine) -> None:
    for number, when in enumerate(("monday", "friday")):
        done = load(house, f"room,text,when\nhall,hello,{when}\n", *CALL, "--extra", "ignore", "--json")
        assert (done.json["deposited"], done.json["duplicate"]) == ((1, 0), (0, 1))[number]


def test_another_spelling_of_a_subject_is_the_same_row(house: CommandLine) -> None:
    text = (house.folder / "house_agents.py").read_text()
    fold = '@field_validator("subject")\n    def _fold(cls, subject):\n        return subject.casefold()\n'
    text = text.replace("    text: str\n", f"    text: str\n\n    {fold}")
    house.write("house_agents.py", f"from pydantic import field_validator\n{text}")
    assert load(house, "room,text\nHall,hello\n", *CALL, "--json").json["deposited"] == 1
    sys.modules.pop("house_agents")  # the next command is a new process, which has not imported the class
    assert load(house, "room,text\nhall,hello\n", *CALL, "--json").json["duplicate"] == 1
    assert list(marks(house)) == ["hall"]


def test_with_a_key_column_changed_rows_join_their_subject(house: CommandLine) -> None:
    words = (*SMOKE, "--key", "id", "--json")
    load(house, "id,room,detail\n1,hall,thin\n2,attic,thin\n", *words)
    done = load(house, "id,room,detail\n1,hall,thick\n2,attic,thin\n", *words)
    assert (done.json["reinforced"], done.json["duplicate"], done.json["rejected"]) == (1, 1, 0)


def test_if_every_row_is_rejected_the_exit_is_1(house: CommandLine) -> None:
    assert load(house, "room,detail\n,thin\n", *SMOKE).code == 1
    assert load(house, "room,detail\n,thin\nhall,thin\n", *SMOKE).code == 0
    assert load(house, "room,detail\n", *SMOKE).code == 0


def test_the_rejects_file_is_private_and_never_written_through_a_link(house: CommandLine) -> None:
    text = "room,detail\nhall,thin\n,thin\n"
    (house.folder / "a.csv.rejects.csv").write_text("old")
    (house.folder / "a.csv.rejects.csv").chmod(0o644)
    assert load(house, text, *SMOKE).code == 0
    assert (house.folder / "a.csv.rejects.csv").stat().st_mode & 0o777 == 0o600
    (house.folder / "precious").write_text("mine")
    (house.folder / "b.csv.rejects.csv").symlink_to("precious")
    done = load(house, text, *SMOKE, name="b.csv")
    assert done.code == 2
    assert "is a link" in done.err
    assert (house.folder / "precious").read_text() == "mine"
    assert load(house, text, *SMOKE, "--rejects", "a.csv").code == 2


class TestSeveralTypes:
    """Fields of other types than text, with the cells that programs write for them."""

    @pytest.fixture
    def shop(self, typed: CommandLine) -> CommandLine:
        typed.write(
            "shop_kinds.py",
            "from blackboard import Mark\n\n\n"
            'class Order(Mark, kind="order", on_repeat="separate"):\n'
            "    total: float | None = None\n    paid: bool | None = None\n    tags: list[str] = []\n"
            "    note: str | None = None\n",
        )
        typed.write("blackboard.toml", '[deployment]\nkinds = ["shop_kinds:Order"]\n')
        return typed

    def loaded(self, shop: CommandLine, text: str, *words: str, name: str = "a.csv") -> list[dict[str, Any]]:
        done = shop("load", shop.write(name, text), "--kind", "order", *words)
        assert done.code == 0, done
        return [mark["payload"] for mark in sorted(shop("marks", "--json").json, key=lambda mark: mark["id"])]

    @pytest.mark.parametrize(
        ("cell", "total"),
        [("$1,299.00", 1299), ("\u20ac 12.50", 12.5), ("12.50 \u20ac", 12.5), ("-\u00a3", None), ("\u00a3-3", -3)],
    )
    def test_a_currency_sign_is_not_part_of_a_number(self, shop: CommandLine, cell: str, total: float | None) -> None:
        name = shop.write("a.csv", f'who\ttotal\na\t"{cell}"\n')
        assert shop("load", name, "--kind", "order", "--subject", "who").code == (total is None)
        assert [mark["payload"]["total"] for mark in shop("marks", "--json").json] == ([] if total is None else [total])

    def test_a_currency_sign_stands_beside_a_decimal_comma(self, shop: CommandLine) -> None:
        rows = self.loaded(shop, "who;total\na;1.234,50 \u20ac\nb;2,5\u00a0\u20ac\n", "--subject", "who")
        assert [row["total"] for row in rows] == [1234.5, 2.5]

    def test_truth_is_read_in_other_languages(self, shop: CommandLine) -> None:
        rows = self.loaded(shop, "who;paid\na;WAHR\nb;falsch\nc;Oui\nd;yes\ne;0\nf;\n", "--subject", "who")
        assert [row["paid"] for row in rows] == [True, False, True, True, False, None]

    def test_a_word_in_a_text_field_stays(self, shop: CommandLine) -> None:
        assert self.loaded(shop, "who;note\na;WAHR\n", "--subject", "who")[0]["note"] == "WAHR"
        assert self.loaded(shop, "who;note\nb;5 \u20ac\n", "--subject", "who")[1]["note"] == "5 \u20ac"

    def test_all_columns_of_one_name_fill_a_list(self, shop: CommandLine) -> None:
        text = 'who,Tag,Tag,Note,Note,Tag\na,red,,,late,blue\nb,,,,,\nc,"[""x"", ""y""]",,,,\n'
        rows = self.loaded(shop, text, "--subject", "who", "--map", "Tag=tags", "--map", "Note=note")
        assert [row["tags"] for row in rows] == [["red", "blue"], [], ['["x", "y"]']]
        assert rows[0]["note"] == "late"

    def test_one_cell_is_a_list_of_one_or_an_array(self, shop: CommandLine) -> None:
        rows = self.loaded(shop, 'who,tags\na,red\nb,"[""x"", ""y""]"\nc,\nd,[red\n', "--subject", "who")
        assert [row["tags"] for row in rows] == [["red"], ["x", "y"], [], ["[red"]]

    def test_a_name_after_a_list_takes_the_value_of_each_element(self, shop: CommandLine) -> None:
        text = '[{"who": "a", "l": [{"n": "x"}, {"m": 1}, {"n": "y"}]}, {"who": "b", "l": []}]'
        rows = self.loaded(shop, text, "--subject", "who", "--map", "l.n=tags", "--extra", "ignore", name="a.json")
        assert [row["tags"] for row in rows] == [["x", "y"], []]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("path", ["data", "result.items"])
def test_a_list_within_an_object_holds_the_rows(house: CommandLine, indent: int | None, path: str) -> None:
    rows: Any = [{"room": "hall", "detail": "thin"}, {"room": "attic", "detail": "x"}, 3]
    for part in reversed(path.split(".")):
        rows = {"object": "list", part: rows}
    done = load(house, json.dumps(rows, indent=indent), *SMOKE, "--each", path, name="a.json")
    assert "2 rows loaded" in done.out
    assert "1 row rejected" in done.err
    assert marks(house)["hall"]["detail"] == "thin"


def test_each_line_may_hold_a_list(house: CommandLine) -> None:
    lines = '{"alerts": [{"room": "a", "detail": "x"}]}\n{"alerts": [{"room": "b", "detail": "x"}]}\n{"alerts": 1}\n'
    done = load(house, lines, *SMOKE, "--each", "alerts", name="a.jsonl")
    assert set(marks(house)) == {"a", "b"}
    assert "1 row rejected" in done.err


def test_a_list_that_has_the_subject_is_named_with_the_command_that_loads_it(house: CommandLine) -> None:
    text = json.dumps({"total": 1, "more": [], "items": [{"room": {"name": "hall"}, "detail": "thin"}]})
    words = ("--kind", "smoke", "--subject", "room.name")
    done = load(house, text, *words, name="a.json")
    assert done.code == 2
    command = done.err.strip().splitlines()[-1]
    assert command.endswith("--each items")
    assert house(*shlex.split(command)[1:]).code == 0
    assert set(marks(house)) == {"hall"}


@pytest.mark.parametrize(
    "shape",
    [
        {"results": [{"room": {"value": "hall"}, "detail": {"value": "thin"}}]},
        {"data": {"items": [{"room": {"value": "hall"}, "report": {"text": {"detail": "thin"}}, "count": 2}]}},
        [{"room": {"value": "hall"}, "smoke": {"detail": "thin"}, "count": 2}],
    ],
    ids=["a list", "a list within", "no list"],
)
def test_the_one_command_of_the_message_loads_nested_json(house: CommandLine, shape: Any) -> None:
    words = ("--kind", "smoke", "--subject", "room.value")
    done = load(house, json.dumps(shape), *words, name="a.json")
    assert done.code == 2
    assert "This loads the file:" in done.err
    again = house(*shlex.split(done.err.strip().splitlines()[-1])[1:])
    assert (again.code, again.out.split(":")[0]) == (0, "1 row loaded"), again.err
    assert marks(house)["hall"]["detail"] == "thin"


def test_an_object_in_a_list_is_found_by_its_name(house: CommandLine) -> None:
    row = {
        "field_data": [{"name": "mail", "values": ["x"]}, {"name": "room", "values": ["hall"]}],
        "tags": [{"key": "level", "value": "1"}, {"key": "smoke", "value": "thin"}],
        "custom_fields": [{"id": 360, "value": 4}],
    }
    words = (
        "--subject",
        "field_data.room.values.0",
        "--map",
        "tags.smoke=detail",
        "--map",
        "custom_fields.360=floor_number",
    )
    done = load(house, json.dumps(row), "--kind", "smoke", *words, "--extra", "ignore", name="a.jsonl")
    assert done.code == 0, done.err
    assert marks(house)["hall"] == {"detail": "thin", "floor_number": 4}


def test_a_csv_has_no_lists(house: CommandLine) -> None:
    done = load(house, "room,detail\nhall,thin\n", *SMOKE, "--each", "data")
    assert (done.code, "only JSON has lists" in done.err) == (2, True)


def test_objects_may_follow_each_other_on_one_line(house: CommandLine) -> None:
    text = '{"room": "a", "detail": "1"}{"room": "b", "detail": "2"} {"room": "c", "detail": "3"}\n{"room": "d"} x\n'
    done = load(house, text, *SMOKE, name="a.jsonl")
    assert set(marks(house)) == {"a", "b", "c"}
    assert "1 row rejected" in done.err


def test_a_title_is_said_to_be_left_out_and_a_single_column_is_not_a_title(house: CommandLine) -> None:
    assert "lines before the header" in load(house, "Fires\nroom,detail\nhall,thin\nattic,x\n", *SMOKE).err
    done = load(house, "room\nhall\nattic\n", "--kind", "alarm", "--subject", "room")
    assert "no column gives the field 'level'" in done.err
