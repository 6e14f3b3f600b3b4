"""`load --follow` deposits the rows of a file or pipe as they come, each once, across rotations and restarts."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from blackboard import Blackboard, Mark
from blackboard.board.deposited_files import read_positions
from blackboard.cli.row_files.column_matching import Columns
from blackboard.cli.row_files.followed_file import FollowedFile, open_continued
from blackboard.cli.row_files.row_deposits import LoadResult
from blackboard.cli.row_files.row_follower import Follower
from blackboard.cli.row_files.row_reader import BadRow, TextForm
from blackboard.cli.terminal.process_signals import StopSignals
from blackboard.errors import StoreBusy, UsageError
from tests.support.bounds import BOUND_SECONDS
from tests.support.command_line import CommandLine

ROOT = Path(__file__).parents[2]
PLAIN = TextForm(None, None, None)
Step = Callable[[], object]


class Reading(Mark, kind="reading", on_repeat="separate", tags=["text"]):
    """A row."""

    text: str


class Steps(StopSignals):
    """What happens at each wait, in place of time and signals; after the last step, a signal comes."""

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__()
        self._steps = iter(steps)

    def wait(self, seconds: float | None, *descriptors: int) -> bool:
        """Take the next step."""
        step = next(self._steps, None)
        if step is None:
            self.is_requested = True
        else:
            step()
        return self.is_requested


class Followed:
    """A file in a folder, followed on a board while its writer takes steps."""

    def __init__(self, board: Blackboard, folder: Path) -> None:
        self.board, self.folder, self.path = board, folder, folder / "a.csv"
        self.rejected: list[BadRow] = []
        self.notes: list[str] = []
        board.deploy(kinds=[Reading])

    def __call__(self, *steps: Step, form: TextForm = PLAIN, subject: str = "room", **columns: Any) -> LoadResult:
        mapping = Columns("reading", [subject], **columns)
        follower = Follower(self.board, mapping, form, self.rejected.append, self.notes.append, Steps(steps))
        follower.follow(str(self.path))
        return follower.loaded

    def write(self, text: str | bytes) -> Step:
        """Return the step of writing to the end of the file."""

        def step() -> None:
            with self.path.open("ab") as file:
                file.write(text.encode() if isinstance(text, str) else text)

        return step

    def rename(self) -> Step:
        """Return the step of renaming the file."""
        return lambda: self.path.rename(self.folder / f"a.csv.{len(list(self.folder.iterdir()))}")

    def truncate(self) -> Step:
        """Return the step of emptying the file."""
        return lambda: self.path.write_bytes(b"")

    def expects(self, *texts: str) -> Step:
        """Return the step of comparing what is on the board."""

        def step() -> None:
            assert self.texts() == list(texts)

        return step

    def texts(self) -> list[str]:
        """Return the texts of the marks in the order of their deposits."""
        return [str(mark.payload["text"]) for mark in sorted(self.board.marks("reading"), key=lambda mark: mark.id)]


@pytest.fixture
def followed(tmp_path: Path) -> Iterator[Followed]:
    """Return a file that is followed."""
    folder = tmp_path / "log"
    folder.mkdir()
    with Blackboard.open(tmp_path / "board.db") as board:
        yield Followed(board, folder)


def test_lines_are_deposited_when_they_are_complete(followed: Followed) -> None:
    write, expects = followed.write, followed.expects
    loaded = followed(
        write(""), write("room,te"), write("xt\n"), expects(),
        write("hall,one\nhall,two"), expects("one"), write(" three\n"), expects("one", "two three"),
        write("hall,one\nhall,one\n"),
    )  # fmt: skip
    assert followed.texts() == ["one", "two three", "one", "one"]
    assert loaded.outcomes == {"deposited": 4}
    assert followed.notes == [f"{followed.path}: no such file or directory; waiting for it"]


def test_a_restart_goes_on_at_the_position(followed: Followed) -> None:
    followed.write("room,text\nhall,one\nhall,one\nha")()
    followed()
    followed.write("ll,two\n")()
    assert followed().outcomes == {"deposited": 1}
    assert followed.texts() == ["one", "one", "two"]
    assert not followed().outcomes
    followed.rename()()  # while nobody follows
    followed.write("room,text\nhall,three\n")()
    followed(followed.write("hall,four\n"))
    assert followed.texts() == ["one", "one", "two", "three", "four"]


def test_a_file_that_cannot_be_compared_with_the_position_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("room,text\n")
    opened: list[FollowedFile] = []

    def fail(file: FollowedFile, position: read_positions.ReadPosition) -> bool:
        opened.append(file)
        raise OSError("the disk fails")

    monkeypatch.setattr(FollowedFile, "continues", fail)
    assert open_continued(path, read_positions.ReadPosition(path.stat().st_ino, 1, 0, "")) is None
    [file] = opened
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file.descriptor)


def test_the_rest_of_a_file_that_was_renamed_is_read_first(followed: Followed) -> None:
    followed.write("room,text\nhall,one\n")()
    followed()
    followed.write("hall,rest\nhall,end")()
    followed.rename()()
    followed.write("room,text\nhall,new\n")()
    followed()
    assert followed.texts() == ["one", "rest", "end", "new"]


def test_a_renamed_file_is_read_until_the_new_one_has_text(followed: Followed) -> None:
    with followed.path.open("ab", buffering=0) as old:

        def late(text: str) -> Step:
            return lambda: old.write(text.encode())

        followed(
            late("room,text\nhall,one\n"),
            followed.rename(), late("hall,two\n"), followed.expects("one", "two"),
            followed.write(""), late("hall,three"), followed.expects("one", "two"),
            followed.write("text,room\nfour,hall\n"), followed.expects("one", "two", "three", "four"),
            followed.rename(), followed.write("room,text\nhall,four\n"),
        )  # fmt: skip
    assert followed.texts() == ["one", "two", "three", "four", "four"]
    assert not followed.rejected


def test_a_truncated_file_is_read_from_its_start(followed: Followed) -> None:
    write, truncate = followed.write, followed.truncate
    followed(
        write("room,text\nhall,one\n"), truncate(), write("room,text\nhall,one\n"),
        lambda: followed.path.write_text("room,text\nhall,longer than before\n"), # right after the last look
    )  # fmt: skip
    assert followed.texts() == ["one", "one", "longer than before"]
    assert followed.notes[1:] == [f"{followed.path} was truncated; it is read from its start"] * 2


def test_a_file_that_goes_on_without_its_header_has_the_former_one(followed: Followed) -> None:
    followed(
        followed.write("room;text\nhall;one\n"), followed.truncate(), followed.write("hall;two\n"),
        followed.rename(), followed.write("hall;three\n"),
    )  # fmt: skip
    followed(followed.write("hall;four\n"))
    assert followed.texts() == ["one", "two", "three", "four"]
    followed.truncate()()
    with pytest.raises(UsageError, match="has no column 'room'"):
        followed(followed.write("a;b;c\n1;2;3\n"))


def test_a_header_without_rows_is_remembered(followed: Followed) -> None:
    write = followed.write
    followed(write("room,text\n"), followed.truncate(), write("hall,one\n"), followed.rename(), write("hall,two\n"))
    assert followed.texts() == ["one", "two"]


def test_an_incomplete_line_may_be_cut_off(followed: Followed) -> None:
    def cut() -> None:
        os.truncate(followed.path, 19)
        followed.write("hall,another row\n")()

    followed(followed.write("room,text\nhall,one\nhall,incomp"), cut)
    assert followed.texts() == ["one", "another row"]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_header_that_is_repeated_is_not_a_row(followed: Followed, mark: str) -> None:
    followed.write(f"{mark}room,text\nhall,one\n")()
    followed(followed.write(f"{mark}room,text\nhall,two\n"))
    assert followed.texts() == ["one", "two"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink(path, path), None])
def test_what_cannot_be_opened_is_waited_for(followed: Followed, make: Callable[[Path], object] | None) -> None:
    def remove() -> None:
        (os.rmdir if followed.path.is_dir() else os.unlink)(followed.path)

    hide = [lambda: make(followed.path)] if make else []
    show = [remove] if make else []
    lose = [followed.rename(), *hide, *show] if make else [followed.rename()]
    followed(*hide, *show, followed.write("room,text\nhall,one\n"), *lose, followed.write("room,text\nhall,two\n"))
    assert followed.texts() == ["one", "two"]
    assert all(note.endswith("; waiting for it") for note in followed.notes)


def test_the_file_of_a_link_may_be_renamed_in_its_own_folder(followed: Followed) -> None:
    elsewhere = followed.folder / "elsewhere"
    elsewhere.mkdir()
    followed.path.symlink_to(elsewhere / "0.log")
    followed.write("room,text\nhall,one\n")()
    followed()
    followed.write("hall,rest\n")()
    (elsewhere / "0.log").rename(elsewhere / "0.log.1")
    followed.write("room,text\nhall,new\n")()
    followed()
    assert followed.texts() == ["one", "rest", "new"]


def test_another_file_with_the_inode_of_the_former_one_is_read_from_its_start(followed: Followed) -> None:
    followed.write("room,text\nhall,one\n")()
    followed()
    followed.path.write_text("room,text\nhall,two\nhall,three\n")  # in the same file, as if the inode was used again
    followed()
    assert followed.texts() == ["one", "two", "three"]


def test_an_interruption_before_the_position_is_stored_deposits_nothing_twice(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed.write("room,text\n" + "hall,one\n" * 3)()
    saved = read_positions.record_position
    with monkeypatch.context() as patch:

        def kill(*words: Any) -> None:
            if words[-1].position:
                raise KeyboardInterrupt
            saved(*words)

        patch.setattr(read_positions, "record_position", kill)
        with pytest.raises(KeyboardInterrupt):
            followed()
    assert followed.texts() == ["one"] * 3
    assert followed(followed.write("hall,one\n")).outcomes == {"duplicate": 3, "deposited": 1}
    assert followed.texts() == ["one"] * 4


@pytest.fixture
def busy(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the board refuse the first two deposits."""
    deposit_many, refusals = followed.board.deposit_many, iter([True, True, False])

    def refuse(*items: Any, **options: Any) -> Any:
        if next(refusals):
            raise StoreBusy("another process writes")
        return deposit_many(*items, **options)

    monkeypatch.setattr(followed.board, "deposit_many", refuse)


@pytest.mark.usefixtures("busy")
def test_rows_without_the_tags_are_counted_once_though_the_database_was_busy(followed: Followed) -> None:
    followed.write("room,text\nhall,one\nhall,two\n")()
    loaded = followed(lambda: None, lambda: None, tags=["text=one"])
    assert (loaded.skipped, followed.texts()) == (1, ["one"])


@pytest.mark.usefixtures("busy")
def test_a_busy_database_is_waited_for(followed: Followed) -> None:
    followed.write("room,text\nhall,one\nbad\n")()
    followed(lambda: None, lambda: None)
    assert followed.texts() == ["one"]
    assert [(row.number, row.raw) for row in followed.rejected] == [(19, "bad")]
    assert followed.notes[0] == "another process writes; trying again"
    assert followed.notes[1].startswith("a row is rejected")


def test_a_signal_ends_follow_in_order_while_the_database_is_busy(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*items: Any, **options: Any) -> Any:
        raise StoreBusy("another process writes")

    followed.write("room,text\nhall,one\n")()
    with monkeypatch.context() as patch:
        patch.setattr(followed.board, "deposit_many", busy)
        assert not followed(lambda: None).outcomes
    assert followed().outcomes == {"deposited": 1}


def test_rows_of_several_lines_wait_for_one_more_growth(followed: Followed) -> None:
    write, expects = followed.write, followed.expects
    followed(
        write('room,text\nhall,"one\n'), expects(), write('two"\nhall,three\n'), expects("one\ntwo", "three"),
        write('hall,"stray\n'), write("hall,four\n"), expects("one\ntwo", "three", "four"),
        write('hall,"open\n'),
    )  # fmt: skip
    assert [row.raw for row in followed.rejected] == ['hall,"stray']
    followed(write('close"\n'))
    assert followed.texts()[-1] == "open\nclose"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
def test_a_file_is_followed_in_its_encoding_also_within_a_character(followed: Followed, encoding: str) -> None:
    lines = ["room,text\n", "Küche,größer\n", "Häuser,\u0a0a\u010a\n" if encoding[0] == "u" else "Häuser,ß\n"]
    first, *rest = [line.encode(encoding) for line in lines]
    mark = "".encode(encoding)
    form = TextForm(None, encoding, None) if encoding in ("cp1252", "utf-16-be") else PLAIN
    followed(*(followed.write(part) for part in (first, *(line.removeprefix(mark) for line in rest[:1]))), form=form)
    second = rest[1].removeprefix(mark)
    followed(followed.write(second[:9]), followed.write(second[9:]), form=form)  # goes on without the mark
    assert followed.texts() == ["größer", lines[2].split(",")[1].strip()]
    assert not followed.rejected


def test_json_lines_are_loaded_when_they_are_whole_and_wrong_ones_are_rejected(followed: Followed) -> None:
    followed.path = followed.folder / "a.jsonl"
    write = followed.write
    followed(
        write('{"room": "hall", "text": "one"} {"room": "hall", "text": "one"}\n[1]\n{"roo'),
        write('m": "hall", "text": "two"}\n{"text": "no room"}\n\n'),
    )  # fmt: skip
    assert followed.texts() == ["one", "one", "two"]
    assert [row.number for row in followed.rejected] == [64, 100]
    followed(
        write('{"rooms": [{"room": "a", "text": "a"}, {"room": "b", "text": "b"}]}\n'),
        form=TextForm(None, None, "rooms"),
    )
    assert followed.texts()[3:] == ["a", "b"]


def test_mistakes_in_columns_are_named_at_the_start_and_cost_no_line(followed: Followed) -> None:
    followed.write("room,txt\n")()
    with pytest.raises(UsageError, match="reading has no field for 'txt'"):
        followed()
    followed.write("hall,one\n")()
    followed(fields={"txt": "text"})
    assert followed.texts() == ["one"]
    followed.path = followed.folder / "a.jsonl"
    followed.path.write_text('{"house": "hall", "text": "one"}\n')
    with pytest.raises(UsageError, match="no column 'room' for the subject"):
        followed()
    followed(followed.write('{"text": "two"}\n'), subject="house")
    assert followed.texts() == ["one", "one"]
    assert [row.reason for row in followed.rejected] == ["the row has no subject, because its column 'house' is empty"]


def test_a_named_key_is_the_key(followed: Followed) -> None:
    loaded = followed(followed.write("room,text,id\nhall,one,1\nhall,one,1\nhall,one,2\n"), key="id", extra="ignore")
    assert loaded.outcomes == {"deposited": 2, "duplicate": 1}


@pytest.mark.parametrize("head", [b"\x1f\x8b\x08\x00\n", b"PK\x03\x04\n"])
def test_what_is_not_text_is_refused(followed: Followed, head: bytes) -> None:
    followed.path.write_bytes(head)
    with pytest.raises(UsageError, match=r"is compressed|is a workbook"):
        followed()


def test_many_rows_and_unchanged_files(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    followed.path.write_text("room,text\n" + "".join(f"hall,{number}\n" for number in range(1200)))
    reads: list[int] = []
    pread = os.pread

    def count(descriptor: int, size: int, place: int) -> bytes:
        reads.append(place)
        return pread(descriptor, size, place)

    monkeypatch.setattr(os, "pread", count)
    followed(reads.clear, *[lambda: None] * 5)
    assert followed.texts() == [str(number) for number in range(1200)]
    assert not reads  # nothing is read while nothing changes


def test_again_and_follow_exclude_each_other(house: CommandLine) -> None:
    done = house("load", "a.csv", "--follow", "--again", "--kind", "smoke", "--subject", "room")
    assert done.code == 2
    assert "use only one of them" in done.err


class Child:
    """A process that follows a file or its stdin, and reports each bad line when the lines before it are deposited."""

    def __init__(self, house: CommandLine, file: str, **environ: str) -> None:
        fifo = house.folder / f"rejects-{len(list(house.folder.iterdir()))}"
        os.mkfifo(fifo)
        self._rejects = os.open(fifo, os.O_RDWR)
        options = ("--kind", "smoke", "--subject", "room", "--rejects", str(fifo), "--json")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "blackboard", "load", file, "--follow", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=house.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        )  # fmt: skip

    def await_reject(self, word: str) -> None:
        """Wait until a bad line was rejected."""
        seen = b""
        while word.encode() not in seen:
            assert select.select([self._rejects], [], [], BOUND_SECONDS)[0], self.process.poll()
            seen += os.read(self._rejects, 10_000)

    def end(self, number: int | None = None, stdin: str | None = None) -> str:
        """Send a signal or the rest of stdin, and return stdout."""
        if number is not None:
            self.process.send_signal(number)
        out, self.err = self.process.communicate(stdin, timeout=BOUND_SECONDS)
        os.close(self._rejects)
        return out


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_follow_with_a_report(house: CommandLine, number: int) -> None:
    house.write("a.csv", "room,detail\nhall,thin\nhall,thin\nbad-1\n")
    child = Child(house, "a.csv")
    child.await_reject("bad-1")
    with (house.folder / "a.csv").open("a") as file:
        file.write("attic,thick\nbad-2\npart")
    child.await_reject("bad-2")
    out = child.end(number)
    assert child.process.returncode == 0
    assert '"loaded": 3' in out
    assert '"rejected": 2' in out
    assert "2 rows rejected" in child.err


@pytest.mark.processes
def test_a_pipe_is_followed_to_its_end(house: CommandLine) -> None:
    child = Child(house, "-")
    assert child.process.stdin is not None
    for text, word in (("room,detail\nhall,thin\nbad-1\n", "bad-1"), ("hall,thin\nbad-2\n", "bad-2")):
        child.process.stdin.write(text)
        child.process.stdin.flush()
        child.await_reject(word)
    out = child.end(stdin="attic,thick")
    assert child.process.returncode == 0
    assert '"loaded": 3' in out


@pytest.mark.processes
def test_a_process_that_is_killed_after_a_deposit_loads_nothing_twice(house: CommandLine) -> None:
    house("init")
    house.write("a.csv", "room,detail\nhall,thin\nattic,thick\n")
    child = Child(house, "a.csv", BLACKBOARD_FAILPOINT="commit.after:4")
    child.end()
    assert child.process.returncode == -signal.SIGKILL
    assert len(house("marks", "--json").json) == 2
    with (house.folder / "a.csv").open("a") as file:
        file.write("hall,again\nbad-1\n")
    child = Child(house, "a.csv")
    child.await_reject("bad-1")
    child.end(signal.SIGTERM)
    marks = {mark["subject"]: mark["reinforcements"] for mark in house("marks", "--json").json}
    assert sorted(marks.values()) == [0, 1], marks  # the row that was added, and no other
