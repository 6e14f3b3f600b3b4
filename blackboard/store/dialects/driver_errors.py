"""The errors of a driver: their meanings, and the errors of this program for them."""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import Enum, auto

from blackboard.errors import StoreBusy, StoreError, StoreExhausted, StoreForeign, UsageError
from blackboard.system.files.file_owners import describe_access


class ErrorCause(Enum):
    """The meaning of a driver's error."""

    BUSY = auto()
    READ_ONLY = auto()
    IO = auto()
    DAMAGED = auto()
    FULL = auto()
    UNOPENED = auto()
    FOREIGN = auto()
    CONFLICT = auto()
    """Concurrent transactions conflicted. The database server rolled this transaction back, so it can be run again."""
    LOST = auto()
    """The connection to PostgreSQL ended, or there is none."""
    NO_PARTITION = auto()
    """A table in partitions has none for a new row."""


_TRANSLATIONS: Mapping[ErrorCause, tuple[type[StoreError], str]] = {
    ErrorCause.BUSY: (StoreBusy, "another process held {location} for too long; try again"),
    ErrorCause.CONFLICT: (
        StoreBusy,
        "transactions of other programs on {location} conflicted with this one again and again; try again",
    ),
    ErrorCause.LOST: (
        StoreError,
        "the connection to {location} failed: {line}; no write was left half done; try again",
    ),
    ErrorCause.READ_ONLY: (StoreError, "{location} cannot be written: {line}; {hint}"),
    ErrorCause.IO: (
        StoreExhausted,
        "{location} could not be read or written: {error}; check the disk; no write was left half done",
    ),
    ErrorCause.DAMAGED: (StoreError, "{location} is damaged: {error}; restore a backup with 'blackboard restore'"),
    ErrorCause.FULL: (StoreExhausted, "{location}: the disk is full; make room; no write was left half done"),
    ErrorCause.NO_PARTITION: (
        StoreError,
        "{location} has no partition for new events, and none could be created; run a daemon, or 'blackboard init', as"
        " the user who owns the tables",
    ),
    ErrorCause.FOREIGN: (
        StoreForeign,
        "{location} is not a database; name another file with --database or [database] url",
    ),
}
"""The errors of this program, with a remedy."""


class DriverErrors(ABC):
    """The errors of a driver."""

    base: type[Exception]
    """The base class of the driver's errors."""

    @abstractmethod
    def cause_of(self, error: BaseException) -> ErrorCause | None:
        """Return the meaning of a driver's error, by its code and never by its words; None for an unknown code."""

    @abstractmethod
    def is_stopped(self, error: BaseException) -> bool:
        """Return whether an error says that a statement took longer than its time limit."""

    @abstractmethod
    def is_wrong_query(self, error: Exception) -> bool:
        """Return whether an error blames the text of a statement or of a search."""

    @abstractmethod
    def blames_database(self, error: BaseException) -> bool:
        """Return whether an error blames the database or the machine, not the SQL."""

    def write_hint(self, error: Exception, location: str) -> str:
        """Return the remedy for an error that says that nothing can be written."""
        return _owners_text(location) or "check the file's and folder's permissions"

    def translate_any(self, error: BaseException, location: str) -> BaseException:
        """Return our error for an error of a transaction; an error of another kind stays as it is."""
        if isinstance(error, self.base | MemoryError):
            return self.translate(error, location)
        if isinstance(error, OverflowError):  # the driver was given an integer of more than 64 bits
            return UsageError("a number is larger than a database can hold")
        return error

    def translate(self, error: Exception, location: str) -> StoreError:
        """Return our error for a driver's error, with a remedy."""
        if isinstance(error, MemoryError):
            return StoreExhausted(
                f"{location} cannot be used: this process has no memory left; no write was left half done"
            )
        cause = self.cause_of(error)
        if cause is None:
            return StoreError(f"{location}: {error}")
        if cause is ErrorCause.UNOPENED:
            return _unopened(location)
        category, text = _TRANSLATIONS[cause]
        hint = self.write_hint(error, location) if cause is ErrorCause.READ_ONLY else ""
        return category(text.format(location=location, error=error, line=first_line(error), hint=hint))


def _unopened(location: str) -> StoreError:
    """Return the error of a file that cannot be opened."""
    if is_without_descriptors():
        return StoreExhausted(f"{location} cannot be opened: this process has no file descriptor left")
    hint = _owners_text(location) or f"check that {os.path.dirname(location) or '.'} exists and may be written"
    return StoreError(f"{location} cannot be opened; {hint}")


def first_line(error: Exception) -> str:
    """Return the first line of an error, without a full stop. PostgreSQL adds hints below it."""
    return str(error).partition("\n")[0].rstrip(". ")


def is_without_descriptors() -> bool:
    """Return whether this process, or the system, has no free file descriptor."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    return False


def _owners_text(location: str) -> str:
    """Return a text with the owners of a file and its folder, and this user; empty if this user owns both."""
    return describe_access(location) or describe_access(os.path.dirname(location))
