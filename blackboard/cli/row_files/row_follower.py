"""`load --follow`: deposits the rows of a file or a pipe as they are written.

The key of a row is made of the file's identity and the place of its line, and the position is stored after the deposit.
So if the process is killed between the two, the next start finds the keys of the rows.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import secrets
import select
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from blackboard.board import Blackboard, administration
from blackboard.board.loads.loaded_files import source_of
from blackboard.board.loads.read_positions import ReadPosition
from blackboard.cli.row_files.followed_file import FollowedFile, is_regular, open_continued
from blackboard.cli.row_files.line_stream import LineStream
from blackboard.cli.row_files.row_deposits import ROWS_PER_TRANSACTION, LoadResult, deposit_rows
from blackboard.cli.row_files.row_mapping import RowMapping
from blackboard.cli.row_files.row_options import Columns, TextForm
from blackboard.cli.row_files.row_reader import BadRow, GoodRow, NoHeader, Rows
from blackboard.cli.terminal.stop_signals import StopSignals
from blackboard.errors import ServerUnreachable, StoreBusy, StoreExhausted, UsageError
from blackboard.system.text_encodings import find_unicode_form

if TYPE_CHECKING:
    from blackboard.client import Client

LOOK_INTERVAL_SECONDS = 0.5
"""Seconds between two checks of a file, and between two attempts to write to a busy database."""
_GZIP = b"\x1f\x8b"


class Follower:
    """The follower of a file or pipe. It deposits rows until it is stopped or the pipe ends.

    Args:
        board: The board.
        columns: The mapping of the columns.
        form: The form of the text.
        reject: Called for each row that cannot become a mark.
        report: Called with notes.
        stop: The signals that end it.
    """

    def __init__(
        self,
        board: Blackboard | Client,
        columns: Columns,
        form: TextForm,
        reject: Callable[[BadRow], None],
        report: Callable[[str], None],
        stop: StopSignals,
    ) -> None:
        self.board, self.columns, self.form, self.reject, self.report = board, columns, form, reject, report
        self.stop = stop
        self.loaded = LoadResult()
        self.encoding: str | None = None
        """The encoding of the last text; None if there was none."""

    def follow(self, file: str) -> None:
        """Follow a file, or a pipe.

        Raises:
            UsageError: The file is not a text with rows, or has columns that do not fit.
            StoreError: The database cannot be used.
        """
        if file == "-":
            if stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode):
                raise UsageError("--follow -: stdin is a file; name the file, so that its position can be stored")
            _follow_pipe(self, sys.stdin.fileno(), "stdin")
        elif is_regular(Path(file)):
            _FollowedPath(self, file).run()
        else:
            # Without O_NONBLOCK, opening would wait for a writer, and no signal would end it.
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            try:
                _follow_pipe(self, descriptor, file)
            finally:
                os.close(descriptor)

    def write_patiently(self, work: Callable[[], object]) -> None:
        """Write to the board, and try again as long as the database is busy.

        Raises:
            StoreError: The database cannot be used, or it is busy and a signal came.
        """
        waits = False
        while True:
            try:
                work()
                return
            except (StoreBusy, StoreExhausted, ServerUnreachable) as error:
                if not waits:
                    self.report(f"{error}; trying again")
                waits = True
                if self.stop.wait(LOOK_INTERVAL_SECONDS):
                    raise


class _RowSource:
    """The rows of one file or pipe.

    Args:
        follower: The follower, which deposits the rows.
        stream: The lines.
        name: The name for messages.
        identity: The text for the file in the keys of its rows.
        position: The place where to begin.
        header: The header of the former file, for a file that continues without a header; else empty.
        checks_columns: Whether columns that the first rows of JSON do not have are an error.
    """

    def __init__(
        self,
        follower: Follower,
        stream: LineStream,
        name: str,
        identity: str,
        *,
        position: int = 0,
        header: str = "",
        checks_columns: bool = False,
    ) -> None:
        self.header, self.checks_columns = header, checks_columns
        self._follower, self._stream, self._name, self._identity = follower, stream, name, identity
        self._position = position
        self._rows: Rows | None = None
        self._mapper: RowMapping | None = None

    def read_again(self) -> None:
        """Drop the bytes of an incomplete line, because a file may be truncated there."""
        self._stream.read_again()

    def deposit_new(self) -> Iterator[int]:
        """Deposit the rows that are complete, in batches, and yield the place of the next line after each.

        The first place is yielded before the first deposit, because the header is known then.
        """
        if self._rows is None:
            if not self._begin():
                return
            yield self._position
        for batch, place in self._batches():
            self._follower.write_patiently(partial(self._deposit, batch))
            yield place
            if self._follower.stop.is_requested:
                return

    def finish(self) -> Iterator[int]:
        """Deposit the last rows at the end of the input. The last line then needs no newline."""
        self._stream.is_final = True
        if self._rows is not None:
            self._rows.grows = False
        return self.deposit_new()

    def _begin(self) -> bool:
        """Find the form of the text and its columns. Return False as long as there is no row.

        Raises:
            UsageError: The text has no rows, or not the expected columns, even if there is only a header.
        """
        form, start = self._follower.form, self._stream.peek()
        if start.startswith(_GZIP):
            raise UsageError(f"{self._name} is compressed, and only text is followed; load it without --follow")
        encoding, mark = _unicode_form(start, form.encoding)
        self._stream.newline = _newline(encoding)
        text = self._stream.peek_lines()[len(mark) :]
        try:
            sample, head = self._sample(text, encoding)
        except NoHeader:
            return False
        self.header = sample.header
        if not sample.is_json and next(iter(sample), None) is None:
            return False
        for note in sample.notes:
            self._follower.report(note)
        self._follower.encoding = sample.encoding
        self._stream.begin(mark, head)
        self._rows = self._read(self._stream, sample.encoding, grows=not self._stream.is_final)
        self._mapper = RowMapping(self._follower.board, self._rows, self._follower.columns)
        if self._position:
            self._rows.skip_to(self._position, lambda: self._stream.go_to(self._position))
        return True

    def _sample(self, text: bytes, encoding: str | None) -> tuple[Rows, bytes]:
        """Return the rows at the beginning, and the header to put before them; it is empty if they have one.

        A writer that continues after its file was truncated does not repeat the header.
        """
        try:
            return self._checked(text, encoding), b""
        except UsageError as error:
            if isinstance(error, NoHeader) or not self.header:  # without any text there are no rows to put it before
                raise
            head = f"{self.header}\n".encode(encoding or "utf-8", "replace")
            with suppress(UsageError):
                sample = self._checked(head + text, encoding)
                if isinstance(next(iter(sample), None), GoodRow):
                    return self._checked(head + text, encoding), head
            raise

    def _checked(self, text: bytes, encoding: str | None) -> Rows:
        """Return the rows of a text, whose columns fit.

        Raises:
            UsageError: Its columns do not fit.
        """
        rows = self._read(io.BytesIO(text), encoding, grows=False)
        mapper = RowMapping(self._follower.board, rows, self._follower.columns)
        rows.grows = rows.is_json  # each line is a row
        if rows.is_json and self.checks_columns:
            mapper.check.check_first([row for row in rows if isinstance(row, GoodRow)])
        return rows

    def _read(self, stream: io.IOBase, encoding: str | None, *, grows: bool) -> Rows:
        form, numbers = self._follower.form, None if stream is not self._stream else self._stream.places
        return Rows(
            cast("IO[bytes]", stream),
            self._name,
            delimiter=form.delimiter,
            encoding=encoding,
            each=form.each,
            numbers=numbers,
            grows=grows,
        )

    def _batches(self) -> Iterator[tuple[list[GoodRow | BadRow], int]]:
        """Yield batches of rows with their keys, each with the place of the line after them."""
        assert self._rows is not None  # deposit_new has begun
        batch: list[GoodRow | BadRow] = []
        number, count = -1, 0
        for row in self._rows:
            if row.number != number:
                if len(batch) >= ROWS_PER_TRANSACTION:  # the rows of a line stay together
                    yield batch, row.number
                    batch = []
                number, count = row.number, 0
            if isinstance(row, GoodRow):
                count += 1
                batch.append(replace(row, key=self._key(row, count)))
            else:
                batch.append(row)
        following = self._rows.next_number
        yield batch, self._stream.place if following is None else following

    def _key(self, row: GoodRow, count: int) -> str:
        """Return the key of the row of this count in its line.

        The key has a digest of the row, because another row may be at the same place: if the process was killed before
        it stored a position, and the file was then truncated.
        """
        digest = hashlib.sha256(row.raw.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        return f"follow:{self._identity}:{row.number}:{digest}" + (f":{count}" if count > 1 else "")

    def _deposit(self, batch: list[GoodRow | BadRow]) -> None:
        assert self._mapper is not None  # deposit_new has begun
        follower, loaded = self._follower, self._follower.loaded
        before = loaded.rejected
        deposit_rows(follower.board, batch, self._mapper, follower.reject, loaded)
        if loaded.rejected and not before:
            follower.report("a row is rejected; the file of rejects has all such rows with the reasons")


class _FollowedPath:
    """The file at a path. It grows until another file takes its place."""

    def __init__(self, follower: Follower, file: str) -> None:
        self._follower, self._path = follower, Path(file)
        # The last part of the path may be a link that will lead to another file.
        self._positions = _positions_of(follower.board, source_of(file, follows=False), follower.columns.kind)
        self._file: FollowedFile | None = None
        self._rows: _RowSource | None = None
        self._is_first_look = True
        self._obstacle: str | None = None
        """Why the path cannot be opened; None if it can."""
        self._position: ReadPosition | None = self._positions.load()

    def run(self) -> None:
        """Follow the path until a signal arrives."""
        try:
            self._continue()
            self._look()
            self._is_first_look = False
            if self._rows is not None:
                self._rows.checks_columns = False
            while not self._follower.stop.wait(LOOK_INTERVAL_SECONDS):
                self._look()
        except (StoreBusy, StoreExhausted, ServerUnreachable):
            if not self._follower.stop.is_requested:
                raise
            # The file still has the rows that could not be deposited; the next start continues with them.
        finally:
            if self._file is not None:
                self._file.close()

    def _continue(self) -> None:
        """Continue with the file that was followed last, if it is still there."""
        if self._position is None:
            return
        self._file = open_continued(self._path, self._position)
        if self._file is None:
            self._follower.report(f"{self._path} is not the file that was followed before; it is read from its start")
        else:
            self._rows = self._rows_of(self._file, self._position)

    def _look(self) -> None:
        """Deposit the rows that were written since the last check, also the rows of a file that replaced this file."""
        if self._file is None and not self._open():
            return
        assert self._file is not None  # _open has opened it
        assert self._rows is not None
        assert self._position is not None
        if self._file.has_changed():
            if not self._file.continues(self._position):
                self._follower.report(f"{self._path} was truncated; it is read from its start")
                self._begin(self._file)
            self._rows.read_again()
            self._deposit(self._rows.deposit_new())
        if self._file.is_replaced_at(self._path) and not self._follower.stop.is_requested:
            self._deposit(self._rows.deposit_new())
            self._deposit(self._rows.finish())
            self._file.close()
            self._file = None
            self._look()

    def _open(self) -> bool:
        """Open the file at the path; return False if there is no file that can be read now."""
        try:
            self._file = FollowedFile(self._path)
        except OSError as error:
            before, self._obstacle = self._obstacle, (error.strerror or str(error)).lower()
            if self._obstacle != before:
                self._follower.report(f"{self._path}: {self._obstacle}; waiting for it")
            return False
        self._obstacle = None
        self._begin(self._file)
        return True

    def _begin(self, file: FollowedFile) -> None:
        """Read a file from its start. The board records the file before its first row is deposited."""
        before = self._position
        header = "" if before is None else before.header
        if self._rows is not None:
            header = self._rows.header
        generation = 1 if before is None else before.generation + 1
        position = ReadPosition(file.inode, generation, 0, file.digest_before(0), header)
        self._save(position)
        self._rows = self._rows_of(file, position)
        self._rows.checks_columns = before is None and self._is_first_look

    def _rows_of(self, file: FollowedFile, position: ReadPosition) -> _RowSource:
        return _RowSource(
            self._follower,
            LineStream(file.read),
            str(self._path),
            f"{self._positions.source[:16]}-{position.inode:x}-{position.generation}",
            position=position.position,
            header=position.header,
        )

    def _deposit(self, places: Iterator[int]) -> None:
        assert self._file is not None  # only an open file has rows
        assert self._rows is not None
        assert self._position is not None
        for place in places:
            header = self._rows.header
            if (place, header) != (self._position.position, self._position.header):
                digest = self._file.digest_before(place)
                self._save(replace(self._position, position=place, digest=digest, header=header))

    def _save(self, position: ReadPosition) -> None:
        self._follower.write_patiently(lambda: self._positions.save(position))
        self._position = position


@dataclass(frozen=True)
class _Positions:
    """Where the position in a file is kept.

    Attributes:
        source: The name of the file. The keys of its rows are made from it.
        load: Returns the position; None if the file was never followed.
        save: Records it.
    """

    source: str
    load: Callable[[], ReadPosition | None]
    save: Callable[[ReadPosition], object]


def _positions_of(board: Blackboard | Client, source: str, kind: str) -> _Positions:
    """Return where the position in a file is kept. For a server, the machine is part of the file's name."""
    if isinstance(board, Blackboard):
        return _Positions(
            source,
            lambda: administration.read_position(board, source, kind),
            lambda position: administration.set_read_position(board, source, kind, position),
        )
    source = hashlib.sha256(f"{platform.node()}/{source}".encode()).hexdigest()[:32]
    return _Positions(
        source,
        lambda: board.read_position(source, kind),
        lambda position: board.set_read_position(source, kind, position),
    )


def _follow_pipe(follower: Follower, descriptor: int, name: str) -> None:
    """Deposit the rows of a pipe as they arrive. While the database is busy, its writer has to wait."""
    has_ended = False

    def read(place: int, size: int) -> bytes:
        nonlocal has_ended
        if has_ended or not select.select([descriptor], [], [], 0)[0]:
            return b""
        data = os.read(descriptor, size)
        has_ended = not data
        return data

    rows = _RowSource(follower, LineStream(read), name, secrets.token_hex(8))
    while not has_ended:
        if follower.stop.wait(None, descriptor):
            return
        _exhaust(rows.deposit_new())
    _exhaust(rows.finish())


def _exhaust(places: Iterator[int]) -> None:
    for _ in places:
        pass


def _unicode_form(start: bytes, encoding: str | None) -> tuple[str | None, bytes]:
    """Return the encoding of a text as far as it is certain or named, and its byte order mark."""
    found = find_unicode_form(start)
    if found is not None and (found.byte_order_mark or encoding is None):
        return found
    return encoding, b""


def _newline(encoding: str | None) -> bytes:
    """Return the bytes that end a line."""
    if encoding is None:
        return b"\n"
    return "a\n".encode(encoding).removeprefix("a".encode(encoding))
