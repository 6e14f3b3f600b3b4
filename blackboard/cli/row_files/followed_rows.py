"""The rows of a followed file or pipe: the format is found once, and then each new row is deposited."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from blackboard.cli.row_files.input_text import GZIP_START
from blackboard.cli.row_files.line_stream import LineStream
from blackboard.cli.row_files.row_deposits import ROWS_PER_TRANSACTION, RowDeposits
from blackboard.cli.row_files.row_mapping import RowMapping
from blackboard.cli.row_files.row_reader import BadRow, GoodRow, NoHeader, Rows
from blackboard.errors import UsageError
from blackboard.system.encoding_detection import find_unicode_form

if TYPE_CHECKING:
    from blackboard.cli.row_files.row_follower import Follower


class _KnownForm(NamedTuple):
    """The rows of an input whose form is known, and their mapping to marks."""

    rows: Rows
    mapping: RowMapping


class FollowedRows:
    """The rows of one file or pipe.

    Args:
        follower: The follower, which deposits the rows.
        stream: The lines.
        name: The name for messages.
        identity: The text for the file in the keys of its rows.
        position: The place where to begin.
        header: The header of the file before, for a file that continues without a header; else empty.
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
    ) -> None:
        self.header = header
        self.checks_columns = False
        """Whether it is an error if the first rows of JSON lack a column that the user names."""
        self._follower, self._stream, self._name, self._identity = follower, stream, name, identity
        self._position = position
        self._form: _KnownForm | None = None

    def drop_incomplete_line(self) -> None:
        """Drop the bytes of an incomplete line, because a file may be truncated there."""
        self._stream.drop_incomplete_line()

    def deposit_new(self) -> Iterator[int]:
        """Deposit the rows that are complete, in batches, and yield the place of the next line after each.

        The first place is yielded before the first deposit, because the header is known then.
        """
        if (form := self._form) is None:
            if (form := self._begin()) is None:
                return
            yield self._position
        for batch, place in self._batches(form.rows):
            self._follower.write_patiently(partial(self._deposit, batch, form.mapping))
            yield place
            if self._follower.stop.is_requested:
                return

    def finish(self) -> Iterator[int]:
        """Deposit the last rows at the end of the input, also a last line without a newline."""
        self._stream.end()
        if self._form is not None:
            self._form.rows.end_growth()
        return self.deposit_new()

    def _begin(self) -> _KnownForm | None:
        """Find the form of the text and its columns; return None as long as there is no row.

        Raises:
            UsageError: The text has no rows, or not the expected columns, even if there is only a header.
        """
        text_form, start = self._follower.form, self._stream.peek()
        if start.startswith(GZIP_START):
            raise UsageError(f"{self._name} is compressed, and only text is followed; load it without --follow")
        encoding, byte_order_mark = _unicode_form(start, text_form.encoding)
        self._stream.newline = _newline(encoding)
        text = self._stream.peek_lines()[len(byte_order_mark) :]
        try:
            sample, head = self._sample(text, encoding)
        except NoHeader:
            return None
        self.header = sample.header
        if not sample.is_json and next(iter(sample), None) is None:
            return None
        for note in sample.notes:
            self._follower.report(note)
        self._follower.encoding = sample.encoding
        self._stream.begin(byte_order_mark, head)
        rows = self._read(self._stream, sample.encoding, grows=not self._stream.has_ended)
        self._form = form = _KnownForm(rows, RowMapping(self._follower.board, rows, self._follower.columns))
        if self._position:
            rows.skip_to(self._position, lambda: self._stream.go_to(self._position))
        return form

    def _sample(self, text: bytes, encoding: str | None) -> tuple[Rows, bytes]:
        """Return the rows at the beginning of a text, and the header that they lack; b"" if they begin with a header.

        A writer that continues after its file was truncated does not repeat the header.
        """
        try:
            return self._rows_with_expected_columns(text, encoding), b""
        except UsageError as error:
            if isinstance(error, NoHeader) or not self.header:  # without text, no row lacks the header
                raise
            head = f"{self.header}\n".encode(encoding or "utf-8", "replace")
            with suppress(UsageError):
                sample = self._rows_with_expected_columns(head + text, encoding)
                if isinstance(next(iter(sample), None), GoodRow):
                    return self._rows_with_expected_columns(head + text, encoding), head
            raise

    def _rows_with_expected_columns(self, text: bytes, encoding: str | None) -> Rows:
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
        form = replace(self._follower.form, encoding=encoding)
        numbers = self._stream.places if stream is self._stream else None
        return Rows(cast("IO[bytes]", stream), self._name, form, numbers=numbers, grows=grows)

    def _batches(self, rows: Rows) -> Iterator[tuple[list[GoodRow | BadRow], int]]:
        """Yield batches of rows with their keys, each with the place of the line after them."""
        batch: list[GoodRow | BadRow] = []
        number, count = -1, 0
        for row in rows:
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
        following = rows.next_number
        yield batch, self._stream.place if following is None else following

    def _key(self, row: GoodRow, count: int) -> str:
        """Return the key of a row. `count` is its number among the rows of its line.

        If the process is killed before it stores a position, and the file is then truncated, another row may be at the
        same place. So the key has a digest of the row.
        """
        digest = hashlib.sha256(row.raw.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        return f"follow:{self._identity}:{row.number}:{digest}" + (f":{count}" if count > 1 else "")

    def _deposit(self, batch: list[GoodRow | BadRow], mapping: RowMapping) -> None:
        follower, loaded = self._follower, self._follower.loaded
        before = loaded.rejected
        RowDeposits(follower.board, mapping, follower.reject, loaded).deposit(batch)
        if loaded.rejected and not before:
            follower.report("a row is rejected; the file of rejects has all such rows with the reasons")


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
