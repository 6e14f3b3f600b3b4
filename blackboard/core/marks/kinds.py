"""The settings of a kind of marks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from blackboard.core.marks.decay import Decay, Never
from blackboard.core.marks.full_text import SearchSchema
from blackboard.core.marks.json_comparison_keys import comparison_key
from blackboard.core.marks.tags import TagSchema
from blackboard.durations import Duration
from blackboard.errors import ConfigurationError, Mistake

OnRepeat = Literal["add", "max", "replace", "separate"]
"""The effect of a repeated deposit on the live mark of its kind and subject (see `reinforcement.join_states`)."""

DEFAULT_WEIGHT = 1.0
DEFAULT_FLOOR = 0.01
DEFAULT_ON_REPEAT: OnRepeat = "max"

DEFAULT_MAX_PAYLOAD_BYTES = 1024 * 1024
"""The largest payload in bytes of a kind that sets no limit."""

OVERDUE_CLASS = "blackboard:Overdue"
"""The import path of `Overdue`, the class of the marks that the board deposits for needs that are due."""


@dataclass(frozen=True)
class Kind:
    """A kind of marks with its settings."""

    name: str
    """Up to 64 letters (a to z), digits and underscores."""
    decay: Decay = field(default_factory=Never)
    """The law of its marks."""
    weight: float = DEFAULT_WEIGHT
    """A factor of every strength, at least 0."""
    floor: float = DEFAULT_FLOOR
    """The intensity x share below which a mark evaporates, at least 0."""
    on_repeat: OnRepeat = DEFAULT_ON_REPEAT
    """The effect of a repeated deposit."""
    cap: float | None = None
    """The highest intensity of a mark, whatever `on_repeat` is; above 0."""
    unique: str | None = None
    """A payload field whose value only one live mark may have."""
    tags: tuple[str, ...] = ()
    """The payload fields that its marks are found by."""
    search: tuple[str, ...] = ()
    """The payload fields whose text is searched."""
    max_payload: int = DEFAULT_MAX_PAYLOAD_BYTES
    """The largest payload in bytes, at least 1."""
    max_text: int | None = None
    """The most characters of one text in a payload, at least 1."""
    class_path: str = ""
    """Where the mark class is, as `module:class`."""
    payload_schema: dict[str, Any] | None = None
    """The JSON schema of the payload."""

    def __post_init__(self) -> None:
        if mistakes := [*self._mistakes()]:
            raise ConfigurationError(Mistake(f"kind {self.name!r}", text) for text in mistakes)

    def _mistakes(self) -> Iterator[str]:
        """Yield what is wrong with the settings of the kind."""
        if not (self.name.isascii() and self.name.isidentifier()) or len(self.name) > 64:
            yield "the name of a kind has up to 64 letters (a to z), digits and underscores, such as lead"
        yield from _misplaced_numbers({"weight": self.weight, "floor": self.floor}, "of at least 0", lambda it: it >= 0)
        yield from _misplaced_numbers({"cap": self.cap}, "above 0", lambda it: it > 0)
        limits = {"max_payload": self.max_payload, "max_text": self.max_text}
        yield from (f"{name} must be at least 1, not {limit}" for name, limit in limits.items() if (limit or 1) < 1)
        if self.on_repeat not in get_args(OnRepeat):
            yield f"on_repeat must be one of {', '.join(get_args(OnRepeat))}, not {self.on_repeat!r}"
        if self.class_path == OVERDUE_CLASS and (self.on_repeat != "separate" or self.unique is not None):
            yield (
                "the board deposits a mark of this kind for each need, so on_repeat must be 'separate'"
                " and no field may be unique"
            )
        schema = self.payload_schema
        if self.unique is not None and schema and self.unique not in schema.get("properties", {}):
            yield f"unique names {self.unique!r}, which is not a field of the payload"
        yield from self.tag_schema.problems()
        yield from self.search_schema.problems()

    @cached_property
    def tag_schema(self) -> TagSchema:
        """The tags of its marks, with the schema for comparisons of their values."""
        return TagSchema(self.name, self.tags, self.payload_schema)

    @cached_property
    def search_schema(self) -> SearchSchema:
        """The fields whose text is searched."""
        return SearchSchema(self.name, self.search, self.payload_schema)

    def unique_value_of(self, payload: str) -> str | None:
        """Return the comparison key of the unique field in a payload, a JSON text; None if there is no value."""
        if self.unique is None or (value := json.loads(payload).get(self.unique)) is None:
            return None
        schema = self.payload_schema or {}
        return comparison_key(value, schema.get("properties", {}).get(self.unique), schema)

    def life(self, law: Decay, intensity: float) -> Duration | None:
        """Return how long a mark stays live, in microseconds; None if it never evaporates."""
        if intensity <= 0 or intensity < self.floor:
            return 0
        return law.age_below(self.floor / intensity)


def _misplaced_numbers(
    numbers: Mapping[str, float | None], range_text: str, is_in_range: Callable[[float], bool]
) -> Iterator[str]:
    """Yield the mistake of each number that is not finite, or is out of its range. None is left out."""
    for name, number in numbers.items():
        if number is not None and not (math.isfinite(number) and is_in_range(number)):
            yield f"{name} must be a number {range_text}, not {number}"
