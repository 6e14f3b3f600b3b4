"""Every error that this package raises, as one tree; it holds no logic beyond wording a message.

BlackboardError
├── UsageError                 what was asked for is wrong: exit code 2
│   ├── UnknownName            a kind, agent or setting that does not exist
│   ├── InvalidDuration        text that is not a duration
│   ├── InvalidLaw             a decay law that cannot be
│   ├── InvalidCondition       a condition that cannot be watched or parsed
│   ├── InvalidMark            a payload, subject or intensity that cannot be stored
│   ├── InvalidQuery           SQL that is wrong or not allowed
│   └── ConfigurationError     mistakes in a deployment, all of them at once
└── WorkError                  the work failed: exit code 1
    ├── StoreError             the database cannot be used
    │   ├── StoreBusy          another process held it for too long
    │   ├── StoreMissing       there is no database there
    │   ├── StoreForeign       a file or schema that is not a blackboard
    │   └── StoreNewer         written by a newer program
    ├── AgentError             an agent broke its contract
    │   └── Undeclared         it left a kind that it did not declare
    ├── NotFound               no such mark, activation or need
    ├── MissingPackage         an optional package is not installed
    ├── QueryStopped           SQL that took too long, or too much memory
    └── ModelError             a model call that gave no usable answer
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "AgentError",
    "BlackboardError",
    "ConfigurationError",
    "InvalidCondition",
    "InvalidDuration",
    "InvalidLaw",
    "InvalidMark",
    "InvalidQuery",
    "MissingPackage",
    "Mistake",
    "ModelError",
    "NotFound",
    "QueryStopped",
    "StoreBusy",
    "StoreError",
    "StoreForeign",
    "StoreMissing",
    "StoreNewer",
    "Undeclared",
    "UnknownName",
    "UsageError",
    "WorkError",
    "nearest",
]


class BlackboardError(Exception):
    """The root of the tree. `exit_code` is what the command line ends with."""

    exit_code = 1
    stored: int | None = None
    """The number of marks that `deposit_many` stored before this error; None for all other calls."""


class UsageError(BlackboardError):
    """What was asked for is wrong; nothing was changed."""

    exit_code = 2


class UnknownName(UsageError):
    """There is no such name; the message gives the nearest right one."""

    def __init__(self, category: str, name: str, known: Iterable[str]) -> None:
        self.category, self.name = category, name
        super().__init__(f"there is no {category} {name!r}{nearest(name, known)}")


class InvalidDuration(UsageError):
    """Text that is not a duration such as 90s, 30m, 3d or 2w."""


class InvalidLaw(UsageError):
    """A decay law whose parameters cannot be."""


class InvalidCondition(UsageError):
    """A condition that cannot be parsed, watched or used as a guard."""


class InvalidMark(UsageError):
    """A mark whose kind, subject, payload or intensity cannot be stored."""


class InvalidQuery(UsageError):
    """An SQL query that is wrong, writes, or asks for too much."""


@dataclass(frozen=True)
class Mistake:
    """One mistake in a deployment: where it is, and what is wrong with it."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ConfigurationError(UsageError):
    """A deployment with mistakes; `mistakes` holds every one of them."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class WorkError(BlackboardError):
    """The work was rightly asked for and failed."""


class StoreError(WorkError):
    """The database cannot be used."""


class StoreBusy(StoreError):
    """Another process held the database for longer than the busy timeout."""


class StoreMissing(StoreError):
    """There is no database at that place."""


class StoreForeign(StoreError):
    """A file or schema that is not a blackboard."""


class StoreNewer(StoreError):
    """A blackboard written by a newer version of this program."""


class AgentError(WorkError):
    """An agent broke its contract; its activation fails and the board is untouched."""


class Undeclared(AgentError):
    """An agent left a mark of a kind that it did not declare in `writes`."""


class NotFound(WorkError):
    """There is no such mark, activation or need."""


class MissingPackage(WorkError):
    """An optional package is not installed."""

    def __init__(self, user: str, package: str | None, *, extra: str) -> None:
        needed = f"the package {package}" if package else "a package"
        super().__init__(
            f"{user} needs {needed}, which is not installed; install it with: pip install 'blackboard-marks[{extra}]'"
        )


class QueryStopped(WorkError):
    """An SQL query that took too long, or too much memory, and was stopped."""


class ModelError(WorkError):
    """A model call gave no usable answer."""


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that names what was probably meant, or all there is."""
    names = sorted(set(known))
    if close := difflib.get_close_matches(name, names, cutoff=0.5):
        # Of two that are as near, the one that begins alike: a first letter is seldom mistyped.
        best = max(close, key=lambda one: (difflib.SequenceMatcher(None, one, name).ratio(), one[:1] == name[:1]))
        return f"; did you mean {best!r}?"
    if not names:
        return ""
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"; there is: {shown}"
