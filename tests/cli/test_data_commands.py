"""Commands back up and restore a board, examine it, and erase a subject."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from blackboard import Blackboard, ManualClock
from blackboard.errors import StoreError
from tests.support.command_line import CommandLine


def fill(house: CommandLine) -> None:
    house("init")
    for name in ("kitchen", "cellar"):
        assert house("deposit", "call", name, "--payload", '{"text": "secret-0451"}').code == 0


@pytest.mark.file_only("a board on PostgreSQL is restored into another database")
def test_a_backup_can_be_restored(house: CommandLine) -> None:
    fill(house)
    done = house("backup", "copy.db")
    assert done.code == 0
    assert "2 marks" in done.out
    house("deposit", "call", "attic", "--payload", '{"text": "late"}')
    done = house("restore", "copy.db")
    assert done.code == 0
    assert ".before-" in done.out
    assert {row["subject"] for row in house("marks", "--json").json} == {"kitchen", "cellar"}
    again = house("backup", "copy.db")
    assert again.code == 1
    assert "exists" in again.err


@pytest.mark.file_only("a board on PostgreSQL is restored into another database")
@pytest.mark.parametrize("again", [False, True])
def test_restore_names_forgotten_subjects_that_a_backup_brings_back(house: CommandLine, again: bool) -> None:
    for room in ("kitchen", "hall", "attic"):
        house("deposit", "smoke", room, "--payload", f'{{"detail": "the smell of {room}"}}')
    house("backup", "early.db")
    house("forget", "hall", "--yes")
    house("backup", "late.db")
    house("forget", "attic", "--yes")
    if again:  # the restored board does not know that the hall was forgotten; the board that it replaced does
        assert "'hall'" in house("restore", "early.db").err
    done = house("restore", "early.db")
    assert done.code == 0
    assert "forgotten subjects that are back: 'hall', 'attic'" in done.err
    done = house("restore", "late.db", "--forget")
    assert "'attic' is forgotten" in done.out
    assert "'hall'" not in done.out + done.err
    assert {mark["subject"] for mark in house("marks", "--json").json} == {"kitchen"}
    assert "the smell of attic" not in (house.folder / "house.db").read_bytes().decode("latin-1")


@pytest.mark.file_only("a board on PostgreSQL is restored into another database")
def test_restore_says_as_json_what_is_back_and_what_it_forgot_again(house: CommandLine) -> None:
    fill(house)
    house("backup", "copy.db")
    assert house("restore", "copy.db", "--json").json["back"] == []
    house("forget", "kitchen", "--yes")
    done = house("restore", "copy.db", "--json").json
    assert (done["marks"], done["back"], done["forgotten"]) == (2, ["kitchen"], [])
    assert Path(done["previous"]).exists()
    done = house("restore", "copy.db", "--forget", "--json").json
    assert (done["back"], [report["subject"] for report in done["forgotten"]]) == ([], ["kitchen"])


@pytest.mark.file_only("a board on PostgreSQL is restored into another database")
def test_restore_says_that_it_cannot_tell_what_an_unreadable_board_forgot(house: CommandLine) -> None:
    house("deposit", "smoke", "hall", "--payload", '{"detail": "x"}')
    house("backup", "copy.db")
    house("forget", "hall", "--yes")
    (house.folder / "house.db").write_bytes(b"no database" * 999)
    assert "not known whether forgotten subjects are back" in house("restore", "copy.db").err


@pytest.mark.file_only("a board on PostgreSQL is restored into another database")
def test_a_subject_that_returned_after_its_erasure_was_not_brought_back(house: CommandLine) -> None:
    house("deposit", "smoke", "hall", "--payload", '{"detail": "x"}')
    house("forget", "hall", "--yes")
    house("deposit", "smoke", "hall", "--payload", '{"detail": "y"}')
    house("backup", "copy.db")
    assert "forgotten" not in house("restore", "copy.db").err


@pytest.mark.file_only("a board on PostgreSQL is restored into another database")
def test_restore_refuses_while_a_daemon_runs(house: CommandLine) -> None:
    import fcntl

    from blackboard.system.files.board_files import BoardFiles

    fill(house)
    house("backup", "copy.db")
    folder = BoardFiles(house.folder / "house.db").run_folder
    folder.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(folder / "abcd.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = house("restore", "copy.db")
        assert done.code == 1
        assert "stop it first" in done.err
    finally:
        os.close(handle)
    assert house("restore", "copy.db").code == 0


@pytest.mark.file_only("a board on PostgreSQL is restored into another database")
def test_a_file_that_is_not_a_backup_is_not_restored(house: CommandLine) -> None:
    fill(house)
    house.write("letter.txt", "Dear diary, " * 500)
    for name, problem in (
        ("letter.txt", "name a file that 'blackboard backup' wrote"),
        ("none.db", "there is no file"),
    ):
        done = house("restore", name)
        assert done.code == 1
        assert problem in " ".join(done.err.split())
    assert len(house("marks", "--json").json) == 2


@pytest.mark.file_only("another program writes the backup of a server")
def test_a_backup_into_a_missing_folder_names_the_folder(house: CommandLine) -> None:
    fill(house)
    done = house("backup", "missing/copy.db")
    assert done.code == 1
    assert f"{house.folder}/missing is not a folder; make it" in " ".join(done.err.split())
    assert ".partial" not in done.err


@pytest.mark.file_only("the problem is the permissions of the file")
def test_the_doctor_exits_with_1_if_there_is_a_problem(house: CommandLine) -> None:
    fill(house)
    assert house("doctor").code == 0
    found = house("doctor", "--json").json
    assert found["wrong"] == 0
    assert {"name", "state", "detail", "advice"} == set(found["findings"][0])
    (house.folder / "house.db").chmod(0o644)
    done = house("doctor", "--json")
    assert done.code == 1
    assert [item["name"] for item in done.json["findings"] if item["state"] == "wrong"] == ["permissions"]


@pytest.mark.file_only("the test damages the file")
def test_the_doctor_reports_an_invalid_board_and_a_file_with_mistakes(house: CommandLine) -> None:
    house.write("house.db", "Dear diary, " * 500)
    done = house("doctor")
    assert done.code == 1
    assert "not a database" in done.out
    house.write("broken.toml", "[deployment]\nagents = ['house_agents:nobody']\n")
    done = house("doctor", "--config", "broken.toml")
    assert done.code == 1
    assert "mistake" in done.out


EXAMINED = """
from blackboard import Finding, Mark, agent, strength


class Visit(Mark, kind="visit"):
    pass


def look(settings, now):
    yield Finding("door", settings["door"]["state"], f"open at {now.isoformat()}", "close it")


def fall(settings, now):
    raise OSError("no ladder")


for name, examine in {"porter": look, "cleaner": fall}.items():
    globals()[name] = agent(watches=strength(Visit) >= 1, name=name, examine=examine)(lambda marks, context: None)
"""


def test_the_doctor_shows_what_agents_find_outside_the_board(house: CommandLine) -> None:
    fill(house)
    with Blackboard.open(house.url) as board:
        later = board.now() + timedelta(minutes=30)
    with Blackboard.open(house.url, clock=ManualClock(later)) as board:
        board.deposit("call", subject="attic", payload={"text": "later"})
    house.write("examined_agents.py", EXAMINED)
    agents = ["examined_agents:porter", "examined_agents:cleaner"]
    house.write("examined.toml", f"[deployment]\nagents = {agents}\n[settings.door]\nstate = 'note'\n")
    found = house("doctor", "--config", "examined.toml", "--database", house.url, "--json").json["findings"]
    by_name = {item["name"]: item for item in found}
    detail = f"open at {later.isoformat()}"
    assert by_name["door"] == {"name": "door", "state": "note", "detail": detail, "advice": "close it"}
    assert by_name["cleaner"]["state"] == "wrong"
    assert "no ladder" in by_name["cleaner"]["detail"]
    assert "schema" in by_name, "the other findings are there too"


@pytest.mark.file_only("the copies beside the file and its bytes are searched")
def test_forget_asks_for_confirmation_and_then_erases(house: CommandLine) -> None:
    fill(house)
    house("backup", "copy.db")
    assert house("forget", "kitchen", stdin="n\n").code != 0
    assert len(house("marks", "--json").json) == 2
    done = house("forget", "kitchen", "--yes")
    assert done.code == 0
    assert "copy.db: 1 event" in done.out
    assert [row["subject"] for row in house("marks", "--json").json] == ["cellar"]
    assert b"kitchen" not in (house.folder / "house.db").read_bytes()
    done = house("forget", "kitchen", "--yes")
    assert done.code == 1
    assert "the history has no event about 'kitchen'" in " ".join(done.err.split())
    assert house("forget", "cellar", "--json").json["live"] == 1


def test_forget_says_what_it_cannot_reach(house: CommandLine) -> None:
    for room in ("hall", "attic"):
        house("deposit", "smoke", room, "--payload", '{"detail": "x"}')
    assert (
        "not erased, because this program cannot reach them: copies and backups that this program did not make"
        in house("forget", "hall", "--yes").err
    )
    assert len(house("forget", "attic", "--yes", "--json").json["out_of_reach"]) == 5


@pytest.mark.file_only("a server compacts its tables itself")
def test_compact_gives_the_sizes_of_the_file(house: CommandLine) -> None:
    house("deposit", "smoke", "hall", "--payload", '{"detail": "thick"}')
    done = house("compact", "--json")
    assert done.code == 0
    assert done.json["bytes_after"] == (house.folder / "house.db").stat().st_size
    assert "MB now" in house("compact").out


@pytest.mark.file_only("a server compacts its tables itself")
def test_a_forget_that_could_not_compact_the_file_fails_and_is_finished_by_the_next(
    house: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> bool:
        raise StoreError("the disk is full")

    house("deposit", "smoke", "hall", "--payload", '{"detail": "thick"}')
    with monkeypatch.context() as patched:
        patched.setattr("blackboard.store.sqlite.compaction.compact", refuse)
        failed = house("forget", "hall", "--json")
        assert failed.code == 1
        assert failed.json["not_compacted"] == "the disk is full"
        assert "or 'blackboard compact', to finish" in failed.err
        assert "'blackboard compact' finishes it" in house("doctor").out
    again = house("forget", "hall", "--yes")
    assert (again.code, again.out.splitlines()[0]) == (0, "'hall' was forgotten before; the file is compacted now")
    assert house("forget", "hall", "--yes").code == 1
