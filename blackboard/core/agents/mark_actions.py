"""Actions that an agent may return besides marks: a withdrawal or a reinforcement of a mark that it knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from blackboard.core.marks.mark_model import Mark


@dataclass(frozen=True)
class Withdraw:
    """A withdrawal of a mark from the board. The agent must have deposited it, or declare its kind in `withdraws`.

    The mark may be gone already. This is not an error, and the history records it.
    """

    mark: Mark
    """The mark, as the agent was given it or has read it."""
    if_event: int | None = None
    """The event that the mark must still be at, such as `mark.event_id`; at any other event, the withdrawal is a
    conflict."""


@dataclass(frozen=True)
class Reinforce:
    """An addition to the strength that a mark has now, up to the cap of its kind, whatever `on_repeat` its kind has.

    The payload and the author of the mark stay. The mark may be gone already. This is not an error, and the history
    records it.
    """

    mark: Mark
    """The mark, as the agent was given it or has read it."""
    by: float = 0.2
    """The strength to add, above 0. The board multiplies this number by the agent's trust."""
    if_event: int | None = None
    """The event that the mark must still be at, such as `mark.event_id`; at any other event, the addition is a
    conflict."""


Action = Mark | Withdraw | Reinforce
"""One item that an agent returns. A mark is deposited."""
Returned = Iterable[Action] | Action | None
"""The items that an agent returns."""
