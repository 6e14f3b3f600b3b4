"""A daemon only goes on to a later phase: a stop can become urgent, and nothing wakes a daemon that has ended."""

from __future__ import annotations

import itertools

import pytest

from blackboard.daemon.loop.life_cycle import NEXT, DaemonPhase, LifeCycle

ORDER = list(DaemonPhase)


def test_each_phase_but_the_last_is_followed_by_all_later_phases() -> None:
    assert {phase: sorted(later, key=ORDER.index) for phase, later in NEXT.items()} == {
        phase: ORDER[place + 1 :] for place, phase in enumerate(ORDER)
    }


@pytest.mark.parametrize("requests", list(itertools.product(DaemonPhase, repeat=3)))
def test_a_late_request_never_leads_back(requests: tuple[DaemonPhase, ...]) -> None:
    life_cycle = LifeCycle()
    for phase in requests:
        life_cycle.enter(phase)
    assert life_cycle.phase is max(requests, key=ORDER.index)
    assert life_cycle.is_serving == (set(requests) == {DaemonPhase.SERVING})
