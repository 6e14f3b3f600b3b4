"""The phases of a daemon, from its construction to its end, and the handle on its loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from blackboard.daemon.daemon_events import DaemonListener
from blackboard.daemon.loop.troubles import Troubles


class DaemonPhase(Enum):
    """A phase of a daemon."""

    SERVING = "serving"
    """Activations may start, as soon as the daemon has started."""
    FINISHING = "finishing"
    """No activation starts, and running activations may finish within the time `grace` of the settings."""
    HANDING_BACK = "handing back"
    """No activation starts, and running activations are handed back without a wait."""
    ENDED = "ended"
    """The daemon has ended, and cannot start again."""


NEXT: dict[DaemonPhase, frozenset[DaemonPhase]] = {
    DaemonPhase.SERVING: frozenset({DaemonPhase.FINISHING, DaemonPhase.HANDING_BACK, DaemonPhase.ENDED}),
    DaemonPhase.FINISHING: frozenset({DaemonPhase.HANDING_BACK, DaemonPhase.ENDED}),
    DaemonPhase.HANDING_BACK: frozenset({DaemonPhase.ENDED}),
    DaemonPhase.ENDED: frozenset(),
}
"""The phases that may follow each phase."""


class LifeCycle:
    """The present phase of one daemon. The loop and the threads of activations read it."""

    def __init__(self) -> None:
        self.phase = DaemonPhase.SERVING
        """The present phase."""

    @property
    def is_serving(self) -> bool:
        """Whether activations may start."""
        return self.phase is DaemonPhase.SERVING

    def enter(self, phase: DaemonPhase) -> None:
        """Enter a phase. A request that comes too late, such as a stop during the end, changes nothing."""
        if phase in NEXT[self.phase]:
            self.phase = phase


@dataclass(frozen=True)
class LoopHandle:
    """A handle on the loop of one daemon, for the threads of its activations and the steps of the loop."""

    life_cycle: LifeCycle
    """The phase of the daemon. No work begins after its phase `SERVING`."""
    troubles: Troubles
    """Receives the errors that prevent work."""
    emit: DaemonListener
    """Reports an event and its details to the listeners of the daemon."""
    wake: Callable[[], None]
    """Ends the sleep of the loop."""
