"""The fewest marks with which a condition holds, among given marks, and the smallest batch that has room for them.

Two sides of an `&` are independent if no mark counts for both. Each of them is solved alone. So a condition such as
`(a | b) & (c | d) & ...` takes time in proportion to its length, not to the number of its combinations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product

from blackboard.core.conditions.condition_types import Combination, Comparison, Condition
from blackboard.errors import InvalidCondition

MAX_WAYS = 1000
"""The largest number of ways to meet sides that share kinds. A batch is checked against each way."""


def fewest_marks(
    condition: Condition, marks: Sequence[frozenset[Comparison]], decide: Callable[[Comparison], bool]
) -> tuple[frozenset[Comparison], ...]:
    """Return the fewest marks that can still make a condition hold; earlier marks are preferred.

    Each mark counts for the comparisons that measure it. If even all marks do not suffice, all are returned.

    Args:
        condition: The condition, without a negation.
        marks: For each mark, the comparisons that measure it.
        decide: Returns whether a comparison counts as met. Only such comparisons make the condition hold.
    """
    counted = [frozenset(filter(decide, mark)) for mark in marks]
    found = _fewest(condition, counted)
    return tuple(marks) if found is None else tuple(marks[place] for place in found)


def _fewest(condition: Condition, marks: Sequence[frozenset[Comparison]]) -> list[int] | None:
    """Return the places of the fewest marks, in order; None if all marks do not suffice."""
    if not isinstance(condition, Combination):
        return next(([place] for place, mark in enumerate(marks) if condition in mark), None)
    if condition.operator == "|":
        sides = [found for part in condition.parts if (found := _fewest(part, marks)) is not None]
        return min(sides, key=lambda places: (len(places), places), default=None)
    places: list[int] = []
    for parts in _independent(condition, [mark for mark in marks if mark]):
        found = _fewest(parts[0], marks) if len(parts) == 1 else _JointSides(parts, marks).fewest()
        if found is None:
            return None
        places += found
    return sorted(places)


def _independent(condition: Condition, marks: Sequence[frozenset[Comparison]]) -> list[list[Condition]]:
    """Return the sides of an `&` in groups. No mark counts for sides of two groups."""
    groups: list[tuple[set[Comparison], list[Condition]]] = []
    for part in _sides(condition):
        own = set(part.comparisons())
        near = own.union(*(mark for mark in marks if not own.isdisjoint(mark)))
        joined = [group for group in groups if not group[0].isdisjoint(near)]
        groups = [group for group in groups if group not in joined]
        parts = [*chain.from_iterable(group[1] for group in joined), part]
        groups.append((near.union(*(group[0] for group in joined)), parts))
    return [parts for _, parts in groups]


def _sides(condition: Condition) -> Iterator[Condition]:
    """Yield the sides of an `&`, including those of an `&` directly inside it."""
    if isinstance(condition, Combination) and condition.operator == "&":
        for part in condition.parts:
            yield from _sides(part)
    else:
        yield condition


@dataclass(frozen=True)
class _JointSides:
    """Sides of an `&` that are to hold together, and the marks that may make them hold."""

    sides: Sequence[Condition]
    marks: Sequence[frozenset[Comparison]]

    def fewest(self) -> list[int] | None:
        """Return the places of the fewest marks, in order; None if all marks do not suffice."""
        free = [place for place, mark in enumerate(self.marks) if mark]
        if self._unmet(free) is not None:
            return None
        size = next(size for size in range(len(free) + 1) if self._can_hold((), free, size))
        chosen: list[int] = []
        while len(chosen) < size:  # find the first of the choices of this size
            place, *free = free
            if self._can_hold((*chosen, place), free, size - len(chosen) - 1):
                chosen.append(place)
        return chosen

    def _can_hold(self, chosen: Sequence[int], free: Sequence[int], room: int) -> bool:
        """Return whether all sides can hold with the chosen marks and at most `room` of the free marks."""
        side = self._unmet(chosen)
        if side is None:
            return True
        if room < self._least(chosen, free):
            return False
        comparisons = set(side.comparisons())
        for place in [place for place in free if not comparisons.isdisjoint(self.marks[place])]:
            free = [other for other in free if other != place]  # if the sides cannot hold with this mark, try without
            if self._can_hold((*chosen, place), free, room - 1):
                return True
        return False

    def _unmet(self, chosen: Sequence[int]) -> Condition | None:
        """Return the first side that does not hold with some marks; None if all hold."""
        return next((side for side in self.sides if not self._holds(side, chosen)), None)

    def _holds(self, side: Condition, chosen: Sequence[int]) -> bool:
        return side.is_met_if(lambda one: any(one in self.marks[place] for place in chosen))

    def _least(self, chosen: Sequence[int], free: Sequence[int]) -> int:
        """Return how many marks are needed at least: one for each unmet side that shares no mark with another side."""
        used: set[int] = set()
        number = 0
        for side in self.sides:
            comparisons = set(side.comparisons())
            own = {place for place in free if not comparisons.isdisjoint(self.marks[place])}
            if own.isdisjoint(used) and not self._holds(side, chosen):
                used, number = used | own, number + 1
        return number


def smallest_batch(condition: Condition) -> int:
    """Return how many marks a batch must have room for, to have one mark of each side that an `&` joins.

    Raises:
        InvalidCondition: Its sides share kinds, and can be met in too many ways.
    """
    comparisons = list(condition.comparisons())
    marks = [
        frozenset(comparison for comparison in comparisons if kind in comparison.measure.kinds)
        for kind in condition.kinds
    ]
    return _smallest_batch(condition, marks)


def _smallest_batch(condition: Condition, marks: Sequence[frozenset[Comparison]]) -> int:
    if not isinstance(condition, Combination):
        return 1
    if condition.operator == "|":
        return max(_smallest_batch(part, marks) for part in condition.parts)
    return sum(
        _smallest_batch(parts[0], marks)
        if len(parts) == 1
        else max(
            len(fewest_marks(Combination("&", tuple(way)), marks, way.__contains__))
            for way in _ways_to_hold(Combination("&", tuple(parts)))
        )
        for parts in _independent(condition, marks)
    )


def _ways_to_hold(condition: Condition) -> set[frozenset[Comparison]]:
    """Return the sets of comparisons that make a condition true, one for each choice among the sides of its `|`.

    Raises:
        InvalidCondition: There are too many.
    """
    if not isinstance(condition, Combination):
        return {frozenset(condition.comparisons())}
    parts = map(_ways_to_hold, condition.parts)
    if condition.operator == "|":
        return set(chain.from_iterable(parts))
    ways = {frozenset[Comparison]()}
    for part in parts:
        ways = {one | other for one, other in product(ways, part)}
        if len(ways) > MAX_WAYS:
            raise InvalidCondition(
                f"{condition}: its sides share kinds, so it can be met in more than {MAX_WAYS:,} ways, and a"
                " batch cannot be checked against so many; declare several watches instead"
            )
    return ways
