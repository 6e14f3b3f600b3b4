"""The reads of an agent, as its declaration names them: marks besides those that woke it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from blackboard.core.conditions.measures import KindLike
from blackboard.core.marks.mark_model import Mark
from blackboard.core.marks.tags import as_data
from blackboard.core.specs.agent_spec import ReadSpec


@dataclass(frozen=True)
class Read:
    """Marks that an agent reads besides those that woke it. `strongest_of`, `of_subject` and `search` make it."""

    spec: ReadSpec
    mark_class: type[Mark] | None
    """The class of the marks, if it was given."""


class Placeholder(enum.Enum):
    """A value in the `where` of a read that is known only when the agent is woken."""

    SUBJECT = "subject"


subject: Final = Placeholder.SUBJECT
"""Stands for each subject that woke the agent: `reads=[marks(Alert, where={"service": subject})]`."""

ReadWhere = Mapping[str, Any]
"""As `Where`, but a value may also be the placeholder `subject`."""


def strongest_of(kind: KindLike, limit: int = 5, *, where: ReadWhere | None = None) -> Read:
    """Return a read of the strongest marks of a kind on the whole board, at most `limit` (1 to 1000).

    `marks` is another name for this function, which reads better with tags: `marks(Alert, where={"service": subject})`.

    Args:
        kind: A mark class, or the name of a kind.
        limit: The largest number of marks; with `subject` in `where`, for each subject that woke the agent.
        where: Only marks whose tags have these values, as in `Blackboard.marks`. The value `subject` stands for each
            subject that woke the agent.

    Raises:
        UsageError: A value in `where` cannot be the value of a tag.
    """
    return _read(kind, limit, where, same_subject=False)


marks = strongest_of
"""Agents read by tags with `marks(...)`, as programs do with `board.marks(...)`."""


def of_subject(kind: KindLike, limit: int = 5, *, where: ReadWhere | None = None) -> Read:
    """Return a read of the strongest marks of a kind for each subject that woke the agent, at most `limit` each.

    Args:
        kind: A mark class, or the name of a kind.
        limit: The largest number of marks of one subject.
        where: Only marks whose tags have these values, as in `strongest_of`.

    Raises:
        UsageError: A value in `where` cannot be the value of a tag.
    """
    return _read(kind, limit, where, same_subject=True)


def search(kind: KindLike, *, from_: str, limit: int = 5, where: ReadWhere | None = None) -> Read:
    """Return a read of the marks whose text matches a text of the marks that woke the agent.

    They are found as by `Blackboard.search` with `match="any"`: any word counts, and relevance times strength decides.
    The search runs before the transaction of the claim, and what it found is frozen with the other inputs.

    Args:
        kind: A mark class, or the name of a kind. The kind must be searched.
        from_: The field with the text, such as "question", in the marks that woke the agent. There is one search for
            each mark that has the field.
        limit: The largest number of marks for each text, 1 to 1000.
        where: Only marks whose tags have these values, as in `strongest_of`.

    Raises:
        UsageError: A value in `where` cannot be the value of a tag.
    """
    return _read(kind, limit, where, same_subject=False, search_from=from_)


def _read(
    kind: KindLike, limit: int, where: ReadWhere | None, *, same_subject: bool, search_from: str | None = None
) -> Read:
    """Return a read. A tag whose value is `subject` is compared with each subject that woke the agent."""
    name, mark_class = (kind, None) if isinstance(kind, str) else (kind.kind, kind)
    constants: dict[str, Any] = {}
    subject_tags = []
    for tag, value in (where or {}).items():
        values = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
        if subject in values:
            subject_tags.append(tag)
            values = value = [item for item in values if item is not subject]
        if values or tag not in subject_tags:
            constants[tag] = value
    spec = ReadSpec(
        kind=name,
        limit=limit,
        same_subject=same_subject,
        where=as_data(constants),
        where_subject=tuple(subject_tags),
        search_from=search_from,
    )
    return Read(spec, mark_class)
