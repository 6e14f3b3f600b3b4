"""Sinks: the receivers of messages outside the board, and the topics of each.

The address of a sink is a setting of the process that delivers.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict, Field, field_validator

from blackboard.durations import HOUR, MINUTE, Duration, Microseconds
from blackboard.errors import nearest


class Topic(StrEnum):
    """The topics of messages."""

    NEED = "need"
    OVERDUE = "overdue"
    DEAD = "dead"
    QUARANTINED = "quarantined"
    BOARD_PAUSED = "board-paused"
    AGENT_COOLDOWN = "agent-cooldown"
    AGENT_UNSERVED = "agent-unserved"
    CROSSING_WAITING = "crossing-waiting"


TIMED_TOPICS = (Topic.AGENT_UNSERVED, Topic.CROSSING_WAITING)
"""The topics of messages that time alone causes. No transaction of other work writes such a message."""
MARK = "mark:"
"""The beginning of the topic of marks of a kind, such as `mark:alert`."""


class SinkSpec(BaseModel):
    """The topics and the filters of a sink, as a board stores them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    on: tuple[str, ...] = Field(min_length=1)
    """The topics: the values of `Topic`, and `mark:KIND`."""
    agents: tuple[str, ...] = ()
    """Only messages about these agents; all if empty. A message about no agent passes."""
    kinds: tuple[str, ...] = ()
    """Only messages about marks of these kinds; all if empty. A message about no marks passes."""
    subject: str | None = Field(default=None, min_length=1)
    """A pattern such as `lead/*`; only messages about matching subjects. A message without a subject passes."""
    waiting_for: Duration = HOUR
    """How long a crossing must have waited for the topic `crossing-waiting`."""
    unserved_for: Duration = Microseconds(5 * MINUTE)
    """How long an agent must have been without a worker for the topic `agent-unserved`."""

    @field_validator("on")
    @classmethod
    def _check_topics(cls, topics: tuple[str, ...]) -> tuple[str, ...]:
        for topic in topics:
            if topic not in set(Topic) and not (topic.startswith(MARK) and topic != MARK):
                known = [*map(str, Topic), f"{MARK}KIND"]
                raise ValueError(f"there is no topic {topic!r}{nearest(topic, known)}")
        return tuple(dict.fromkeys(topics))

    @property
    def kinds_of_marks(self) -> list[str]:
        """The kinds of its topics `mark:KIND`."""
        return [topic.removeprefix(MARK) for topic in self.on if topic.startswith(MARK)]

    def passes(self, agent: str | None, kinds: Collection[str], subject: str | None) -> bool:
        """Return whether its filters let a message pass."""
        return (
            (not self.agents or agent is None or agent in self.agents)
            and (not self.kinds or not kinds or not set(self.kinds).isdisjoint(kinds))
            and (self.subject is None or subject is None or fnmatchcase(subject, self.subject))
        )
