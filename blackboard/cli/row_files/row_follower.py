"""The follower of `load --follow`, which deposits the rows of a file or a pipe as they are written.

A row is deposited first, and then the position in the file is stored. If the process is killed in between, the next
start reads the row again. The key of a row is made of the identity of the file and the place of the line, so the second
deposit is a duplicate.
"""

from __future__ import annotations

import os
import secrets
import select
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from blackboard.board.deposited_files.loaded_files import source_of
from blackboard.board.deposited_files.read_positions import ReadPosition
from blackboard.cli.row_files.column_matching import Columns
from blackboard.cli.row_files.followed_file import FollowedFile, is_regular, open_continued
from blackboard.cli.row_files.followed_rows import FollowedRows
from blackboard.cli.row_files.line_stream import LineStream
from blackboard.cli.row_files.row_deposits import LoadResult
from blackboard.cli.row_files.row_reader import BadRow, TextForm
from blackboard.cli.terminal.process_signals import StopSignals
from blackboard.errors import ServerUnreachable, StoreBusy, StoreExhausted, UsageError
from blackboard.local_or_remote_calls import calls_on_board

if TYPE_CHECKING:
    from blackboard.board import Blackboard
    from blackboard.client import Client

LOOK_INTERVAL_SECONDS = 0.5
"""Seconds between two checks of a file, and between two attempts to write to a busy database."""


class Follower:
    """The follower of a file or pipe. It deposits rows until it is stopped or the pipe ends.

    Args:
        board: The board that gets the marks.
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


@dataclass
class _FileProgress:
    """A file that is followed, its rows, and how far they are deposited."""

    file: FollowedFile
    rows: FollowedRows
    position: ReadPosition

    @property
    def end(self) -> ReadPosition:
        """The position, with the header that is known by now."""
        return replace(self.position, header=self.rows.header)


class _FollowedPath:
    """The file at a path. It grows until another file takes its place."""

    def __init__(self, follower: Follower, file: str) -> None:
        self._follower, self._path = follower, Path(file)
        # The last part of the path may be a link that will lead to another file.
        self._positions = calls_on_board(follower.board).file_position(
            source_of(file, follows=False), follower.columns.kind
        )
        self._previous: ReadPosition | None = self._positions.load()
        """How far the previous file was deposited; None if there was none."""
        self._current: _FileProgress | None = None
        self._is_first_look = True
        self._obstacle: str | None = None
        """Why the path cannot be opened; None if it can."""

    def run(self) -> None:
        """Follow the path until a signal arrives."""
        try:
            self._continue()
            self._deposit_new()
            self._is_first_look = False
            if self._current is not None:
                self._current.rows.checks_columns = False
            while not self._follower.stop.wait(LOOK_INTERVAL_SECONDS):
                self._deposit_new()
        except (StoreBusy, StoreExhausted, ServerUnreachable):
            if not self._follower.stop.is_requested:
                raise
            # The file still has the rows that could not be deposited; the next start continues with them.
        finally:
            if self._current is not None:
                self._current.file.close()

    def _continue(self) -> None:
        """Continue with the file that was followed last, if it is still there."""
        if (position := self._previous) is None:
            return
        file = open_continued(self._path, position)
        if file is None:
            self._follower.report(f"{self._path} is not the file that was followed before; it is read from its start")
        else:
            self._current = _FileProgress(file, self._rows_of(file, position), position)

    def _deposit_new(self) -> None:
        """Deposit the rows that were written since the last check, even if another file replaced the file."""
        if (current := self._current or self._open()) is None:
            return
        if current.file.note_change():
            if not current.file.continues(current.position):
                self._follower.report(f"{self._path} was truncated; it is read from its start")
                current = self._begin(current.file, current.end)
            current.rows.drop_incomplete_line()
            self._deposit(current, current.rows.deposit_new())
        if current.file.is_replaced_at(self._path) and not self._follower.stop.is_requested:
            self._deposit(current, current.rows.deposit_new())
            self._deposit(current, current.rows.finish())
            current.file.close()
            self._previous, self._current = current.end, None
            self._deposit_new()

    def _open(self) -> _FileProgress | None:
        """Open the file at the path; return None if there is no file that can be read now."""
        try:
            file = FollowedFile(self._path)
        except OSError as error:
            before, self._obstacle = self._obstacle, (error.strerror or str(error)).lower()
            if self._obstacle != before:
                self._follower.report(f"{self._path}: {self._obstacle}; waiting for it")
            return None
        self._obstacle = None
        return self._begin(file, self._previous)

    def _begin(self, file: FollowedFile, previous: ReadPosition | None) -> _FileProgress:
        """Read a file from its start. The board records the file before its first row is deposited."""
        generation, header = (1, "") if previous is None else (previous.generation + 1, previous.header)
        position = ReadPosition(file.inode, generation, 0, file.digest_before(0), header)
        self._current = current = _FileProgress(file, self._rows_of(file, position), position)
        current.rows.checks_columns = previous is None and self._is_first_look
        self._save(position)
        return current

    def _rows_of(self, file: FollowedFile, position: ReadPosition) -> FollowedRows:
        return FollowedRows(
            self._follower,
            LineStream(file.read),
            str(self._path),
            f"{self._positions.source[:16]}-{position.inode:x}-{position.generation}",
            position=position.position,
            header=position.header,
        )

    def _deposit(self, current: _FileProgress, places: Iterator[int]) -> None:
        for place in places:
            before, header = current.position, current.rows.header
            if (place, header) != (before.position, before.header):
                digest = current.file.digest_before(place)
                current.position = replace(before, position=place, digest=digest, header=header)
                self._save(current.position)

    def _save(self, position: ReadPosition) -> None:
        self._follower.write_patiently(lambda: self._positions.save(position))


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

    rows = FollowedRows(follower, LineStream(read), name, secrets.token_hex(8))
    while not has_ended:
        if follower.stop.wait(None, descriptor):
            return
        _exhaust(rows.deposit_new())
    _exhaust(rows.finish())


def _exhaust(places: Iterator[int]) -> None:
    for _ in places:
        pass
