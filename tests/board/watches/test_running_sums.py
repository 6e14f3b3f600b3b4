"""A million marks come and go: the running sum stays within its bound, and the bound stays small."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from blackboard.board.watches.measurements.running_sums import RunningSums, add_terms

ROUNDS, BATCH = 500, 1_000


def change(group: RunningSums, values: Sequence[float], sign: int) -> None:
    for value in values:
        add_terms(group, 1, value, 0.0, sign=sign)


def test_a_million_additions_and_removals_drift_less_than_their_bound() -> None:
    rng = random.Random(1)
    stays, comes = ([rng.random() * 10.0 ** rng.randrange(-6, 7) for _ in range(BATCH)] for _ in range(2))
    goes = rng.sample(comes, BATCH)  # the marks leave in another order than they came
    group = RunningSums()
    change(group, stays, +1)
    for _ in range(ROUNDS):
        change(group, comes, +1)
        change(group, goes, -1)
    exact = math.fsum(stays)
    assert group.marks == BATCH
    assert abs(group.sum0 - exact) <= group.error0
    assert group.error0 < 1e-7 * exact, "a threshold is rarely so near that the marks must be counted anew"
    change(group, stays, -1)
    assert (group.marks, group.sum0, group.error0) == (0, 0.0, 0.0)
