"""The signals between the loop of a daemon and its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from blackboard.daemon.daemon_events import DaemonListener
from blackboard.daemon.loop_parts.life_cycle import LifeCycle
from blackboard.daemon.troubles import Troubles


@dataclass(frozen=True)
class LoopSignals:
    """The signals of one daemon. Its loop and the threads of its activations use them."""

    life_cycle: LifeCycle
    """The phase of the daemon. No work begins after its phase `SERVING`."""
    troubles: Troubles
    """Receives the errors that prevent work."""
    emit: DaemonListener
    """Reports an event and its details to the listeners of the daemon."""
    wake: Callable[[], None]
    """Ends the sleep of the loop."""
