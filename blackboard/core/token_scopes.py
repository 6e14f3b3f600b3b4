"""The scopes of a token in text, such as `deposit:lead:lead/*`, and the operations that they allow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple, Self

from blackboard.core.marks.mark_checks import normalize_subject
from blackboard.errors import UsageError, nearest

VERBS = {
    "read": "",
    "read-redacted": "",
    "deposit": "[:KIND[:SUBJECTS]]",
    "claim": ":AGENT",
    "answer": "",
    "operate": "",
    "sql": "",
    "admin": "",
}
"""The first word of each scope, with what may follow it."""

_CONFLICTS = (
    ("read", "read-redacted", "read shows what read-redacted withholds"),
    ("read-redacted", "sql", "SQL reads what read-redacted withholds"),
    ("read-redacted", "claim", "a claim shows what read-redacted withholds"),
    ("claim", "answer", "claim is for agents, and answers are for people"),
)


class Scope(NamedTuple):
    """One thing that a token allows."""

    verb: str
    """The allowed operation."""
    name: str = ""
    """The kind or agent that it is limited to; "" for no limit."""
    subjects: str = ""
    """The pattern of the subjects that it is limited to; "" for no limit."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a scope.

        Raises:
            UsageError: The text is not a scope.
        """
        verb, *limits = text.split(":", 2)
        if verb not in VERBS:
            raise UsageError(f"there is no scope {text!r}{nearest(verb, VERBS)}")
        highest, lowest = VERBS[verb].count(":"), int(VERBS[verb].startswith(":"))
        if not lowest <= len(limits) <= highest or not all(limits) or re.search(r"\s", text):
            raise UsageError(f"{text!r} is not a scope; write {verb}{VERBS[verb]}, without spaces")
        return cls(verb, *limits)

    def __str__(self) -> str:
        return ":".join(part for part in self if part)


class Scopes:
    """All that a token allows.

    Raises:
        UsageError: A text is not a scope, there are no texts, or two scopes contradict each other.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._scopes = tuple(dict.fromkeys(map(Scope.parse, texts)))
        if not self._scopes:
            raise UsageError(f"a token without a scope allows nothing; the scopes are {', '.join(VERBS)}")
        for first, second, problem in _CONFLICTS:
            if self.allow(first) and self.allow(second):
                raise UsageError(f"{first} and {second} exclude each other: {problem}")

    def __iter__(self) -> Iterator[Scope]:
        return iter(self._scopes)

    @property
    def texts(self) -> tuple[str, ...]:
        """The scopes as people write them."""
        return tuple(map(str, self._scopes))

    def allow(self, verb: str, name: str | None = None, subject: str | None = None) -> bool:
        """Return whether the scopes allow an operation: in general, or for a kind or an agent, and for a subject."""
        return any(
            scope.verb == verb
            and (name is None or scope.name in ("", name))
            and (subject is None or not scope.subjects or fnmatchcase(subject, scope.subjects))
            for scope in self._scopes
        )

    def refusal(self, verb: str, name: str | None = None, subject: str | None = None) -> str | None:
        """Return what the scopes do not allow, such as `'deposit' for 'lead'`; None if they allow it."""
        if self.allow(verb, name, subject):
            return None
        is_limited = name is not None and self.allow(verb)
        return f"{verb!r} for {name!r}{' and this subject' if subject else ''}" if is_limited else repr(verb)


def scope_of_change(kind: str, subject: str) -> Scope:
    """Return the scope that is needed to deposit or change a mark. A decision is the answer to a need.

    Raises:
        InvalidMark: The subject cannot be stored.
    """
    from blackboard.core.built_in_marks import Decision  # not at the top: the help shows scopes, and needs no marks

    return Scope("answer") if kind == Decision.kind else Scope("deposit", kind, normalize_subject(subject))
