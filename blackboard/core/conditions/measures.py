"""The measures of conditions: the strength of one mark, or the total, the strongest or the number of several marks."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from blackboard.clock import Instant
from blackboard.core.conditions.condition_types import KindLike, Measure, Over
from blackboard.core.marks.fading_marks import FadingMark
from blackboard.core.marks.tags import Where
from blackboard.durations import DurationLike


class Strongest(Measure):
    """The largest strength."""

    name = "strongest"
    is_maximum = True
    is_proportional = True

    def value(self, strengths: Sequence[float]) -> float:
        """Return the largest strength, or 0."""
        return max(strengths, default=0.0)

    def first_below(self, marks: Sequence[FadingMark], threshold: float, now: Instant) -> Instant | None:
        """Return the instant when the last mark falls below the threshold."""
        instants = [mark.first_below(threshold, now) for mark in marks]
        return None if None in instants else max(instant for instant in instants if instant is not None)


class Strength(Strongest):
    """The strength of one mark: weight x intensity x share."""

    name = "strength"
    is_per_mark = True

    @property
    def over_board(self) -> type[Measure]:
        """The measure of the strongest mark of the board."""
        return Strongest


class Total(Measure):
    """The sum of the strengths, or of weight x deposited intensity in a window."""

    name = "total"
    is_proportional = True
    takes_window = True

    def value(self, strengths: Sequence[float]) -> float:
        """Return the exact sum, rounded once: ten strengths of 0.1 make 1.0."""
        return math.fsum(strengths)

    def from_sums(self, marks: int, strength_sum: float) -> float:
        """Return the sum; rounding in kept sums may bring it below 0."""
        return max(0.0, strength_sum)

    def first_below(self, marks: Sequence[FadingMark], threshold: float, now: Instant) -> Instant | None:
        """Return the first instant below the threshold.

        In a window, the value falls when the first deposit leaves that it needs to reach the threshold.
        """
        if self.within is None:
            return super().first_below(marks, threshold, now)
        newest_first = sorted(marks, key=lambda mark: -(mark.evaporates_at or 0))
        strengths = [mark.strength(now) for mark in newest_first]
        needed = bisect_left(range(len(marks)), True, key=lambda last: self.value(strengths[: last + 1]) >= threshold)
        return newest_first[needed].evaporates_at


class Count(Measure):
    """The number of live marks, or of the deposits in a window."""

    name = "count"
    takes_window = True

    def value(self, strengths: Sequence[float]) -> float:
        """Return the number."""
        return float(len(strengths))

    def from_sums(self, marks: int, strength_sum: float) -> float:
        """Return the number; the sum does not matter."""
        return float(marks)

    def first_below(self, marks: Sequence[FadingMark], threshold: float, now: Instant) -> Instant | None:
        """Return the instant when enough marks have evaporated that fewer than the threshold are live."""
        ends = sorted(math.inf if mark.evaporates_at is None else mark.evaporates_at for mark in marks)
        end = ends[len(ends) - math.ceil(threshold)]
        return None if end == math.inf else int(end)


def strength(kind: KindLike, *, subject: str | None = None, where: Where | None = None) -> Strength:
    """Return the strength of one mark of a kind: weight x intensity x share.

    Args:
        kind: A mark class, or the name of a kind.
        subject: A pattern of subjects, as in `Measure`.
        where: The values that tags of the marks must have, as in `Measure`.
    """
    return Strength(kind, subject=subject, where=where)


def total(
    *kinds: KindLike,
    over: Over = "subject",
    by: str | None = None,
    subject: str | None = None,
    where: Where | None = None,
    within: DurationLike | None = None,
) -> Total:
    """Return the sum of the strengths of the marks of one subject, of one value of a tag, or of the whole board.

    With `within`, the sum of weight x intensity over the deposits that occurred in that window, as in
    `total(Cost, within="24h")`.

    Args:
        *kinds: Mark classes, or the names of kinds.
        over: "subject" for the marks of one subject, "board" for all marks of the board.
        by: A tag whose values make groups, as in `Measure`.
        subject: A pattern of subjects, as in `Measure`.
        where: The values that tags of the marks must have, as in `Measure`.
        within: The length of a window, such as "10m"; None to measure live marks.
    """
    return Total(*kinds, over=over, by=by, subject=subject, where=where, within=within)


def strongest(
    *kinds: KindLike,
    over: Over = "subject",
    by: str | None = None,
    subject: str | None = None,
    where: Where | None = None,
) -> Strongest:
    """Return the strength of the strongest mark of one subject, of one value of a tag, or of the whole board.

    Args:
        *kinds: Mark classes, or the names of kinds.
        over: "subject" for the marks of one subject, "board" for all marks of the board.
        by: A tag whose values make groups, as in `Measure`.
        subject: A pattern of subjects, as in `Measure`.
        where: The values that tags of the marks must have, as in `Measure`.
    """
    return Strongest(*kinds, over=over, by=by, subject=subject, where=where)


def count(
    *kinds: KindLike,
    over: Over = "subject",
    by: str | None = None,
    subject: str | None = None,
    where: Where | None = None,
    within: DurationLike | None = None,
) -> Count:
    """Return the number of live marks of one subject, of one value of a tag, or of the whole board.

    With `within`, the number of deposits that occurred in that window, as in `count(Error, within="10m")`.

    Args:
        *kinds: Mark classes, or the names of kinds.
        over: "subject" for the marks of one subject, "board" for all marks of the board.
        by: A tag whose values make groups, as in `Measure`.
        subject: A pattern of subjects, as in `Measure`.
        where: The values that tags of the marks must have, as in `Measure`.
        within: The length of a window, such as "10m"; None to measure live marks.
    """
    return Count(*kinds, over=over, by=by, subject=subject, where=where, within=within)
