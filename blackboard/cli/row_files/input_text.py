"""The text of an input file: decompression, the guess of its encoding, and its lines.

Byte order marks, UTF-8 and UTF-16 are certain. Any other encoding is a guess: a code page is chosen only if the text,
decoded with it, has words of a language of the code page. If there is no such code page, the user must give
`--encoding`, because a wrong guess would look plausible.
"""

from __future__ import annotations

import codecs
import gzip
import io
import itertools
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import IO, cast

from blackboard.errors import UsageError
from blackboard.system.encoding_detection import find_code_page, find_unicode_form

MAX_LINE_CHARACTERS = 16 * 1024 * 1024
"""The largest number of characters in one line."""
_BLOCK_BYTES = 64 * 1024
GZIP_START = b"\x1f\x8b"
_NOT_TEXT = {
    b"PK\x03\x04": "a workbook (.xlsx, .ods) or another ZIP archive; save the sheet as CSV (UTF-8) and load that",
    b"\xd0\xcf\x11\xe0": "a workbook (.xls); save the sheet as CSV (UTF-8) and load that",
    b"%PDF": "a PDF document; export the rows as CSV or JSON",
    b"BZh": "compressed with bzip2; unpack it first",
    b"\xfd7zXZ": "compressed with xz; unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it first",
    b"SQLite format 3\x00": "an SQLite database; export the rows as CSV or JSON",
    b"PAR1": "a Parquet file; export the rows as CSV or JSON",
}
_MARKUP = {
    b"<?xml": "XML; export the rows as CSV or JSON",
    b"<html": "a web page; open it in a spreadsheet, save the sheet as CSV (UTF-8) and load that",
    b"<!doctype": "a web page; open it in a spreadsheet, save the sheet as CSV (UTF-8) and load that",
    b"<table": "a web page; open it in a spreadsheet, save the sheet as CSV (UTF-8) and load that",
    b"{\\rtf": "a document in RTF; export the rows as CSV or JSON",
}
"""The beginnings, in lower case, of texts that have no rows."""
_WITH_MARK = {
    "utf-8": "utf-8-sig",
    **dict.fromkeys(("utf-16-le", "utf-16-be"), "utf-16"),
    **dict.fromkeys(("utf-32-le", "utf-32-be"), "utf-32"),
}
"""The encodings that leave out the byte order mark before the text."""
_ERRORS = "blackboard.mark_bytes"


def _mark_bytes(error: UnicodeError) -> tuple[str, int]:
    """Replace bytes that cannot be decoded with lone surrogates. No valid text contains these."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_ERRORS, _mark_bytes)


class InputText:
    """The numbered lines of a stream of bytes. Lines can be pushed back.

    A line ends with LF, CRLF or a lone CR.

    Args:
        stream: The bytes; a file compressed with gzip is unpacked.
        name: The name of the stream in errors.
        encoding: The name of the encoding; None finds the encoding from the first bytes.
        numbers: The number of each line; by default they are counted from 1.

    Raises:
        UsageError: The stream is not text, or its encoding is not known.
    """

    def __init__(
        self, stream: IO[bytes], name: str, encoding: str | None = None, numbers: Iterator[int] | None = None
    ) -> None:
        self._name, self._source = name, stream
        self._back: deque[tuple[int, str]] = deque()
        self._numbers = itertools.count(1) if numbers is None else numbers
        buffered = _buffer(stream)
        can_rewind = buffered.seekable()
        if buffered.peek(2).startswith(GZIP_START):
            buffered = _buffer(cast("IO[bytes]", gzip.GzipFile(fileobj=buffered)))
        with _Damaged(name):
            head = buffered.peek(_BLOCK_BYTES)
            start = head[:1000].removeprefix(codecs.BOM_UTF8).lstrip().lower()
            for magic, description in (*_NOT_TEXT.items(), *_MARKUP.items()):
                if head.startswith(magic) or (magic in _MARKUP and start.startswith(magic)):
                    raise UsageError(f"{name} is {description}")
            sample = b"" if encoding else _sample(buffered, head, can_rewind=can_rewind)
            self.encoding = _check_encoding(encoding) if encoding else _guess(head, sample, name)
            """The encoding, by its name in Python."""
        self.is_guess = not encoding and self.encoding not in ("utf-8", "utf-8-sig")
        """Whether the encoding is a guess. The command reports it then."""
        self._text = io.TextIOWrapper(buffered, self.encoding, errors=_ERRORS, newline="")

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return self

    def __next__(self) -> tuple[int, str]:
        if self._back:
            return self._back.popleft()
        with _Damaged(self._name):
            line = self._text.readline(MAX_LINE_CHARACTERS)
        if not line:
            raise StopIteration
        return next(self._numbers), line

    @property
    def bytes_read(self) -> int:
        """The number of bytes read from the file so far, before decompression."""
        try:
            return self._source.tell()
        except OSError:  # a pipe
            return 0

    @property
    def next_number(self) -> int | None:
        """The number of the line that was pushed back and is read next; None if there is none."""
        return self._back[0][0] if self._back else None

    def skip_to(self, number: int, restart: Callable[[], None]) -> None:
        """Continue with the line of this number. It was pushed back, or it follows in the stream after `restart`."""
        while self._back and self._back[0][0] < number:
            self._back.popleft()
        if not self._back:
            restart()
            self._text = io.TextIOWrapper(self._text.detach(), self.encoding, errors=_ERRORS, newline="")

    def push(self, lines: Iterable[tuple[int, str]]) -> None:
        """Push lines back; they are read next."""
        self._back.extendleft(reversed(list(lines)))

    def peek(self, count: int) -> list[str]:
        """Return the next lines that are not blank, at most `count`, without consuming them."""
        seen: list[tuple[int, str]] = []
        full: list[str] = []
        for number, line in self:
            seen.append((number, line))
            if line.strip():
                full.append(line)
            if len(full) == count:
                break
        self.push(seen)
        return full


class _Damaged:
    """A context in which the errors of a damaged archive, and of another encoding, become a `UsageError`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
            raise UsageError(f"{self._name} is a damaged gzip file: {error}; rows before the damage are loaded")
        if isinstance(error, UnicodeError):  # wrong bytes are marked, and raise no error
            raise UsageError(f"{self._name} is not text in this encoding ({error}); name another one with --encoding")


def _buffer(stream: IO[bytes]) -> io.BufferedReader:
    return io.BufferedReader(cast("io.RawIOBase", stream), _BLOCK_BYTES)


def _sample(stream: io.BufferedReader, head: bytes, *, can_rewind: bool) -> bytes:
    """Return a block of bytes from the first non-ASCII byte on; empty if all bytes are ASCII.

    A pipe cannot be rewound, so only its head is examined.
    """
    if not can_rewind:
        return _from_first_sign(head)
    start = stream.tell()
    try:
        while block := stream.read(_BLOCK_BYTES):
            if sample := _from_first_sign(block):
                return sample + stream.read(_BLOCK_BYTES)
        return b""
    finally:
        stream.seek(start)


def _from_first_sign(block: bytes) -> bytes:
    return b"" if block.isascii() else block[next(at for at, byte in enumerate(block) if byte > 0x7F) :]


def _check_encoding(encoding: str) -> str:
    try:
        codecs.lookup(encoding)
        "".encode(encoding)
    except (LookupError, UnicodeError):
        raise UsageError(
            f"--encoding {encoding} is not known; write it like utf-8, utf-16, cp1252 (western Windows), cp1250"
            " (eastern Windows), cp1251 (Cyrillic) or mac-roman"
        ) from None
    # The byte order mark is not a part of the text.
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def _guess(head: bytes, sample: bytes, name: str) -> str:
    """Return the encoding of a text, from its head and from a block that begins at its first non-ASCII byte.

    Raises:
        UsageError: Several encodings are possible.
    """
    if (form := find_unicode_form(head)) is not None:
        return _WITH_MARK[form.encoding] if form.byte_order_mark else form.encoding
    if not sample:
        return "utf-8"
    escaped = sample.decode("utf-8", "surrogateescape")
    wrong = sum("\udc80" <= sign <= "\udcff" for sign in escaped)
    valid = sum(sign > "\x7f" for sign in escaped) - wrong
    if wrong <= 3 * valid:  # a few bad rows in UTF-8, or a character that the end of the block cuts
        return "utf-8"
    is_macintosh = b"\r" in head and b"\n" not in head  # only Excel's "CSV (Macintosh)" still ends lines with CR
    code_page = find_code_page(sample, "mac-roman" if is_macintosh else "cp1252")
    is_stray = wrong == 1 or wrong <= 0.0005 * len(sample)
    if code_page is not None and (not is_stray or code_page in ("cp1252", "cp1250", "mac-roman")):
        return code_page
    if is_stray:
        return "utf-8"  # the rows of stray bytes are rejected
    raise UsageError(
        f"{name} is not UTF-8 text (byte 0x{sample[0]:02x}); name its encoding, such as --encoding shift_jis, gb18030"
        " or koi8-r"
    )
