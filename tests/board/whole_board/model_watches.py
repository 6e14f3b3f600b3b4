"""The watches of the model: the agent of each, and the marks that its next activation must and may be given."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from blackboard import Mark, count, every, strength, total, watch
from blackboard.board.activations.agent_claims.claims import Claim
from blackboard.core.specs.agent_spec import AgentSpec
from tests.board.whole_board.board_model import (
    BOARD,
    CLEAR,
    COLD,
    DIGEST_INTERVAL,
    EACH,
    FLOOD,
    HUSH,
    LASTING,
    SUM,
    TAGGED,
    TAGGED_CLEAR,
    Model,
    ModelMark,
)
from tests.support.world import spec


class Smoke(Mark, kind="smoke"):
    """Stands for its kind, and for what an agent has read."""


class Fire(Mark, kind="fire"):
    """Stands for its kind, too."""


COMMON: dict[str, Any] = {"max_attempts": 2, "cooldown_after_failures": 999, "withdraws": [Smoke, Fire]}


class ModelWatch:
    """A watch of the model.

    Args:
        model: The model of the board.
    """

    agent: ClassVar[AgentSpec]
    """The agent with this one watch."""
    absorbs: ClassVar[bool] = True
    """Whether an activation absorbs its marks, so that no event is given twice."""
    takes_one_subject: ClassVar[bool] = False
    """Whether an activation takes the crossings of one subject, and not all."""
    drops_faded: ClassVar[bool] = False
    """Whether a crossing ends without an activation if its mark has faded."""

    def __init__(self, model: Model) -> None:
        self.model, self.name = model, self.agent.name

    def value(self, subject: str, mark_id: int, now: int) -> float:
        """Return the strength of a waiting crossing, which decides what is taken first."""
        raise NotImplementedError

    def required(self, subject: str, mark_id: int, now: int) -> set[int]:
        """Return the marks that the activation of a crossing must be given."""
        raise NotImplementedError

    def allowed(self, subject: str) -> set[int]:
        """Return the marks that the activation of a crossing may be given if none is required."""
        return set()

    def has_left(self, mark: ModelMark) -> bool:
        """Return whether a mark no longer counts for the watch, and so is given as it was when it last counted."""
        return False

    def check_claim(self, claim: Claim, now: int) -> None:
        """Check what only an activation of this watch has."""
        assert claim.inputs

    def note_given(self, mark: ModelMark) -> None:
        """Note in the model that the agent was given a mark."""
        if self.absorbs:
            self.model.absorbed[self.name, mark.id] = mark.event
            self.model.given[self.name, mark.id] = (mark.payload, mark.stored)

    def test_again(self, subjects: set[str], now: int) -> None:
        """Test the watch on what the activation about these subjects did not take."""


class Each(ModelWatch):
    """A fire that is strong enough."""

    agent = spec("each", strength("fire") >= EACH, when_faded="drop", **COMMON)
    drops_faded = True

    def required(self, subject: str, mark_id: int, now: int) -> set[int]:
        mark = self.model.marks[mark_id]
        return {mark_id} if mark.live(now) and self.model.strength(mark, now) >= EACH else set()


class Totalling(ModelWatch):
    """A watch over several marks, given what counts now, or else marks that may have counted at the crossing."""

    def counted(self, subject: str, now: int) -> list[ModelMark]:
        """Return the marks that count for the watch now."""
        return self.model.stimuli(self.name, now, subject or None)

    def required(self, subject: str, mark_id: int, now: int) -> set[int]:
        return {mark.id for mark in self.counted(subject, now)}

    def allowed(self, subject: str) -> set[int]:
        return {mark.id for mark in self.model.marks.values() if subject in ("", mark.subject) and self.is_new(mark)}

    def is_new(self, mark: ModelMark) -> bool:
        """Return whether a mark has changed since the watch absorbed it."""
        return self.model.absorbed.get((self.name, mark.id), 0) < mark.event


class Sum(Totalling):
    """The smokes and fires of a subject together."""

    agent = spec("sum", total("smoke", "fire") >= SUM, **COMMON)
    takes_one_subject = True

    def value(self, subject: str, mark_id: int, now: int) -> float:
        return math.fsum(self.model.strength(mark, now) for mark in self.counted(subject, now))

    def test_again(self, subjects: set[str], now: int) -> None:
        for subject in subjects:
            self.model.test_sum(subject, now)


class Everywhere(Totalling):
    """The number of fires on the board."""

    agent = spec("board", count("fire", over="board") >= BOARD, **COMMON)

    def test_again(self, subjects: set[str], now: int) -> None:
        self.model.test_board(now)


class Long(Totalling):
    """The fires of a subject together, for some time. It absorbs no mark."""

    agent = spec(
        "long", watch(total("fire") >= LASTING, held_for="10m", rewake_every="15m", clear_below=CLEAR), **COMMON
    )
    absorbs = False
    takes_one_subject = True

    def value(self, subject: str, mark_id: int, now: int) -> float:
        return self.model.lasting_value(subject, now)

    def counted(self, subject: str, now: int) -> list[ModelMark]:
        return self.model.lasting(subject, now)

    def is_new(self, mark: ModelMark) -> bool:
        return True


class Tagged(Totalling):
    """The smokes of the board with a tag. A smoke that has lost the tag is given as it was before."""

    agent = spec(
        "tagged",
        watch(total("smoke", over="board", where={"value": 1}) >= TAGGED, clear_below=TAGGED_CLEAR),
        **COMMON,
    )
    absorbs = False

    def counted(self, subject: str, now: int) -> list[ModelMark]:
        return self.model.tagged(now)

    def allowed(self, subject: str) -> set[int]:
        return set(self.model.tagged_behind)

    def has_left(self, mark: ModelMark) -> bool:
        return not mark.payload


class OneMark(ModelWatch):
    """A watch on one smoke, whose activation is given this smoke even if it has faded."""

    def required(self, subject: str, mark_id: int, now: int) -> set[int]:
        return {mark_id}


class Cold(OneMark):
    """A smoke that has faded, unless there is a fire."""

    agent = spec("cold", strength("smoke") < COLD, unless=count("fire") >= 1, per="subject", **COMMON)
    absorbs = False
    takes_one_subject = True

    def value(self, subject: str, mark_id: int, now: int) -> float:
        mark = self.model.marks[mark_id]
        return self.model.strength(mark, now) if mark.live(now) else 0.0


class Hush(OneMark):
    """A smoke that is strong enough; a fire drops what crosses."""

    agent = spec("hush", strength("smoke") >= HUSH, unless=count("fire") >= 1, on_guard="drop", **COMMON)

    def note_given(self, mark: ModelMark) -> None:
        super().note_given(mark)
        self.model.dropped.pop(mark.id, None)


class Flood(ModelWatch):
    """The fires of a subject that were deposited in a window."""

    agent = spec("flood", total("fire", within="30m") >= FLOOD, **COMMON)
    absorbs = False
    takes_one_subject = True

    def value(self, subject: str, mark_id: int, now: int) -> float:
        return self.model.floods[subject]

    def required(self, subject: str, mark_id: int, now: int) -> set[int]:
        return {mark.id for mark, _ in self.model.in_window(subject, self.model.waiting[self.name][subject, mark_id])}


class Digest(ModelWatch):
    """A schedule, which is given no marks."""

    agent = spec("digest", every("40m"), **COMMON)

    def required(self, subject: str, mark_id: int, now: int) -> set[int]:
        return set()

    def check_claim(self, claim: Claim, now: int) -> None:
        assert not claim.inputs
        self.model.past_instants = (now - self.model.anchor) // DIGEST_INTERVAL
        assert claim.row.scheduled_for == self.model.anchor + self.model.past_instants * DIGEST_INTERVAL


WATCHES: list[type[ModelWatch]] = [Each, Sum, Everywhere, Cold, Long, Digest, Flood, Hush, Tagged]
