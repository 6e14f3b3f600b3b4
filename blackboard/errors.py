"""All errors that callers may catch, in one tree.

BlackboardError
├── UsageError                 the request is refused: exit code 2
│   ├── UnknownName            a kind, agent or setting that does not exist
│   ├── InvalidDuration        text that is not a duration
│   ├── InvalidLaw             a decay law with invalid parameters
│   ├── InvalidCondition       a condition that cannot be parsed or watched
│   ├── InvalidMark            a payload, subject or key that cannot be stored
│   │   ├── UniqueConflict     a live mark has the value of the unique field
│   │   └── InvalidAuthor      an author whose name cannot be stored, is reserved, or is an agent's
│   ├── InvalidTime            a value that is not a time, or is too far ahead
│   ├── KeyReused              the key of a deposit stands for another deposit
│   ├── Conflict               a mark has changed since the event that the request names; exit code 1
│   │   └── NeedClosed         a need was answered or withdrawn before the decision of an agent
│   ├── LawConflict            a deposit names another law than the live mark's
│   ├── OutOfOrder             a deposit occurred too early to be added to the live mark
│   ├── InvalidQuery           SQL that is invalid or not allowed
│   ├── InvalidSearch          a search in the database's own language that is not valid
│   └── ConfigurationError     all mistakes in a deployment
└── WorkError                  the request is valid but failed: exit code 1
    ├── StoreError             the database cannot be used
    │   ├── StoreBusy          another process has locked it for too long
    │   ├── StoreMissing       the database does not exist
    │   ├── StoreForeign       a file or schema of another program
    │   ├── StoreNewer         written by a newer version
    │   ├── StoreExhausted     the disk, the memory or the descriptors are used up
    │   ├── StoreUnknown       it is not known whether the work was stored
    │   └── LibraryConflict    a second SQLite library would open the file in the same process
    ├── AgentError             an agent broke its contract
    │   └── Undeclared         it deposited a kind that it did not declare
    ├── LeaseLost              a worker no longer has the activation that it would end
    ├── AgentInUse             a living worker serves an agent that would be replaced
    ├── UnreadableMark         a mark on the board does not fit its class
    ├── NotFound               no such mark, activation or need
    ├── MissingPackage         an optional package is not installed
    ├── QueryStopped           SQL that took too much time or memory
    ├── ServerError            a server did not do what its client asked
    │   └── ServerUnreachable  it does not answer, or is too busy
    ├── AccessDenied           the caller may not do this: its token or its session does not allow it
    └── ModelError             a model call without a usable answer

`Conflict` is refused like each `UsageError`, for example as one item of `deposit_many`. But the request was right when
its mark was read, so the exit code tells a script to read the mark again and repeat the request.
"""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from blackboard.plurals import counted

__all__ = [
    "AccessDenied",
    "AgentError",
    "AgentInUse",
    "BlackboardError",
    "ConfigurationError",
    "Conflict",
    "ForeignFilesWarning",
    "InvalidAuthor",
    "InvalidCondition",
    "InvalidDuration",
    "InvalidLaw",
    "InvalidMark",
    "InvalidQuery",
    "InvalidSearch",
    "InvalidTime",
    "KeyReused",
    "LawConflict",
    "LeaseLost",
    "LibraryConflict",
    "MissingPackage",
    "Mistake",
    "ModelError",
    "NeedClosed",
    "NotFound",
    "OutOfOrder",
    "QueryStopped",
    "ServerError",
    "ServerUnreachable",
    "StoreBusy",
    "StoreError",
    "StoreExhausted",
    "StoreForeign",
    "StoreMissing",
    "StoreNewer",
    "StoreUnknown",
    "Undeclared",
    "UniqueConflict",
    "UnknownName",
    "UnreadableMark",
    "UnreadableMarksWarning",
    "UsageError",
    "WorkError",
    "nearest",
]


class ExitCode(IntEnum):
    """The exit codes of commands. Each class of errors has the code of its base class, unless it names its own."""

    DONE = 0
    FAILED = 1
    """The request was right, and the work failed. Errors of the system and bugs of this program also have this code."""
    WRONG_USAGE = 2
    """The request or the configuration is wrong, and nothing was changed."""
    NO_WORK = 3
    """`blackboard claim` found no work."""


class BlackboardError(Exception):
    """The base class of all exceptions.

    Args:
        message: What is wrong.
        quotes_nothing: Whether the message has no text of depositors, agents or models; by default the value of the
            class.
        place: The item that the error is about.
    """

    exit_code = ExitCode.FAILED
    """The exit code of the command line."""
    quotes_nothing = False
    """Whether the message, as this package writes it, never quotes what depositors, agents or models wrote."""
    place: str = ""
    """The item of `deposit_many` or of an agent's result that the error is about, such as `item 2 of 3`; else empty.
    The code that applies the items sets it."""
    stored: int | None = None
    """The number of marks that `deposit_many` stored before this error; None for all other calls."""

    def __init__(self, message: str = "", *, quotes_nothing: bool | None = None, place: str = "") -> None:
        super().__init__(message)
        if quotes_nothing is not None:
            self.quotes_nothing = quotes_nothing
        if place:
            self.place = place

    @classmethod
    def reported(cls, message: str) -> Self:
        """Return an error with the complete message that another process has reported."""
        error = cls.__new__(cls)
        Exception.__init__(error, message)  # a class may compose its message from other arguments
        return error

    def __str__(self) -> str:
        text = super().__str__()
        if self.place:
            text = f"{self.place}: {text}"
        return text if self.stored is None else f"{text}; {counted(self.stored, 'mark')} stored"

    @property
    def log_text(self) -> str | None:
        """The message as the log may show it; None if it may quote what depositors, agents or models wrote."""
        return str(self) if self.quotes_nothing else None


class UsageError(BlackboardError):
    """The request is wrong, or does not fit the present state of the board.

    Nothing was changed, except by `deposit_many`: see `stored`.
    """

    exit_code = ExitCode.WRONG_USAGE
    command = ""
    """The command that the user probably wanted, if it is known. The command line prints it on a line of its own."""


class UnknownName(UsageError):
    """A name of a category, such as `kind`, does not exist. The message suggests the nearest known name.

    Args:
        category: The category that the message names, such as `kind`.
        name: The name that does not exist.
        known: The names that exist.
        problem: The problem that the message states; by default that the name does not exist.
    """

    def __init__(self, category: str, name: str, known: Iterable[str], problem: str | None = None) -> None:
        self.category, self.name = category, name
        super().__init__(f"{problem or f'there is no {category} {name!r}'}{nearest(name, known)}")


class InvalidDuration(UsageError):
    """Text that is not a duration such as 90s, 30m, 3d or 2w."""


class InvalidLaw(UsageError):
    """A decay law with invalid parameters."""


class InvalidCondition(UsageError):
    """A condition that cannot be parsed, watched or used as a guard."""


class InvalidMark(UsageError):
    """A mark whose kind, subject, payload, intensity or key cannot be stored."""


class UniqueConflict(InvalidMark):
    """Another live mark of the kind has the same value in the unique field."""


class InvalidAuthor(InvalidMark):
    """An author's name that cannot be stored, or that only an agent or the board itself may sign with."""


class InvalidTime(UsageError):
    """A value that is not a time, or an occurrence that is too far ahead of the board's time."""


class KeyReused(UsageError):
    """The same author has used the key of this deposit for another request of the kind."""


class Conflict(UsageError):
    """A mark has changed since the event that `if_event` names.

    Args:
        message: The expected and the present state of the mark, in words.
        event_id: The last event of the live mark; 0 if there is none.
    """

    exit_code = ExitCode.FAILED

    def __init__(self, message: str, event_id: int = 0) -> None:
        self.event_id = event_id
        super().__init__(message)

    @classmethod
    def of_event(cls, what: str, if_event: int, event_id: int) -> Conflict:
        """Return the error of a request that names another event than the live mark has.

        Args:
            what: The mark that the request is about, as the message names it.
            if_event: The event that the request names; 0 for no live mark.
            event_id: The last event of the live mark; 0 if there is none.
        """
        expected = f"event {if_event}" if if_event else "no live mark"
        if not event_id:
            found = "there is no live mark"
        elif if_event:
            found = f"it is at event {event_id}"
        else:
            found = f"there is one at event {event_id}"
        return cls(f"{what} has changed: the request expects {expected}, and {found}; read it again", event_id)


class NeedClosed(Conflict):
    """An agent decided about a need that was answered or withdrawn since the agent was given it."""


class LawConflict(UsageError):
    """A deposit names a law, and the live mark that it would join fades by another law."""


class OutOfOrder(UsageError):
    """A deposit is older than the live mark that it would be added to, and the order of additions matters."""


class InvalidQuery(UsageError):
    """An SQL query that is invalid, writes, or returns too much."""


class InvalidSearch(UsageError):
    """A search in the database's own query language that is not valid."""


@dataclass(frozen=True)
class Mistake:
    """A mistake in a deployment, with its place."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ConfigurationError(UsageError):
    """A deployment with mistakes; `mistakes` holds all of them."""

    quotes_nothing = True

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class WorkError(BlackboardError):
    """The request is valid but failed."""


class StoreError(WorkError):
    """The database cannot be used."""

    quotes_nothing = True


class StoreBusy(StoreError):
    """Another process has locked the database for longer than the busy timeout."""


class StoreMissing(StoreError):
    """The database does not exist."""


class StoreForeign(StoreError):
    """A file or schema of another program."""


class StoreNewer(StoreError):
    """A blackboard that a newer version of this program has written."""


class StoreExhausted(StoreError):
    """The disk, the memory or the descriptors of this process are used up. Committed data is intact."""


class StoreUnknown(StoreError):
    """The connection to PostgreSQL was lost during a commit, so the work may be stored or not.

    The program did not repeat the work.
    """


class LibraryConflict(StoreError, sqlite3.OperationalError):
    """Two SQLite libraries would have one file open in this process, and drop each other's locks.

    The error may be raised by a program's own `sqlite3.connect`, so it is also an error of `sqlite3`.
    """


class AgentError(WorkError):
    """An agent returned what it may not return, or broke another rule. Its activation fails and the board is unchanged.

    Args:
        message: What the agent did. It may contain names and values that the agent chose.
        shown: The message for the log, without anything that the agent chooses while it runs.
        place: The item that the error is about.
    """

    shown: str | None = None

    def __init__(self, message: str = "", *, shown: str | None = None, place: str = "") -> None:
        self.shown = shown
        super().__init__(message, place=place)

    @property
    def log_text(self) -> str | None:
        """The message without names and values that the agent chose."""
        return self.shown


class Undeclared(AgentError):
    """An agent deposited a mark of a kind that it did not declare in `writes`."""


class LeaseLost(WorkError):
    """A remote worker no longer has the activation that it would continue or end. Nothing was changed."""

    quotes_nothing = True


class AgentInUse(WorkError):
    """A living worker serves an agent that a deployment would remove, or whose code it would replace."""

    quotes_nothing = True


class UnreadableMark(WorkError):
    """A mark on the board does not fit the class of its kind. Its activation fails until the class is fixed."""


class UnreadableMarksWarning(UserWarning):
    """Marks on the board do not fit the class that a program reads, so they are left out."""


class ForeignFilesWarning(UserWarning):
    """Another user made files of the board, and can change its content or stop its writers."""


class NotFound(WorkError):
    """A mark, activation or need does not exist."""

    quotes_nothing = True


class MissingPackage(WorkError):
    """An optional package, which a feature needs and an extra installs, is not installed."""

    quotes_nothing = True

    def __init__(self, feature: str, package: str | None, *, extra: str) -> None:
        needed = f"the package {package}" if package else "a package"
        super().__init__(
            f"{feature} needs {needed}, which is not installed;"
            f" install the extra [{extra}], from a clone with: pip install -c constraints.txt '.[{extra}]'"
        )


class QueryStopped(WorkError):
    """An SQL query or another read was stopped because it took too much time or memory."""


class ServerError(WorkError):
    """A server did not do what its client asked."""

    problem = ""
    """The name of the problem that the server reports, such as `internal`; "" if it reports none."""


class ServerUnreachable(ServerError):
    """A server does not answer, or is too busy, even after further attempts. It may have done what was asked."""


class AccessDenied(WorkError):
    """The caller may not do this.

    Its token is missing, unknown, expired or revoked. Or the token, or the session of a tool, does not allow this.
    """

    problem = ""
    """As in `ServerError`."""


class ModelError(WorkError):
    """A model call has no usable answer."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message: the nearest known name, or the known names if none is near."""
    names = sorted(set(known))
    if close := difflib.get_close_matches(name, names, cutoff=0.5):
        # Prefer a name that contains all that was typed. Of equally near names, prefer the same first letter, which is
        # rarely mistyped.
        def nearness(known: str) -> tuple[bool, float, bool]:
            return name in known, difflib.SequenceMatcher(None, known, name).ratio(), known[:1] == name[:1]

        return f"; did you mean {max(close, key=nearness)!r}?"
    if not names:
        return ""
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"; known names: {shown}"
