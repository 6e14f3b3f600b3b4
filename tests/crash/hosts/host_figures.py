"""The counts and times of a run with several hosts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["HostFigures"]


@dataclass
class HostFigures:
    """The counts and times of a run."""

    seed: int
    hosts: int
    network: str = ""
    """How the hosts reach the database server."""
    seconds: float = 0.0
    boards: int = 0
    rounds: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    """Killed processes by role."""
    failpoints: Counter[str] = field(default_factory=Counter)
    """Deaths by place."""
    faults: Counter[str] = field(default_factory=Counter)
    ended_sessions: int = 0
    deposits: int = 0
    unknown: int = 0
    """Deposits whose caller was not told the outcome, because it was killed or the database server did not answer."""
    unknown_stored: int = 0
    """Those of them that are on the board."""
    refusals: Counter[str] = field(default_factory=Counter)
    """Refused calls by the name of the error."""
    activations: int = 0
    interruptions: int = 0
    deadlocks: int = 0
    """Deadlocks that the database server found. None reached a caller."""
    longest_gap: float = 0.0
    """The longest time between two acknowledged deposits of any host."""
    longest_hold: float = 0.0
    """The longest deposit of a host without a fault while another host was cut off silently or stopped."""
    longest_take_up: float = 0.0
    """The longest time from the death of a worker until its work was taken up, while another worker lived."""
    longest_recovery: float = 0.0

    def lines(self) -> list[str]:
        """Return the report."""
        kills = ", ".join(f"{count} {role}s" for role, count in sorted(self.kills.items()))
        places = ", ".join(f"{count} at {name}" for name, count in sorted(self.failpoints.items()))
        faults = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items()))
        refusals = ", ".join(f"{count} {name}" for name, count in sorted(self.refusals.items()))
        return [
            f"{self.seconds:.0f} s with seed {self.seed}: {self.hosts} hosts ({self.network}), {self.boards} boards,"
            f" {self.rounds} rounds",
            f"{self.kills.total()} kills: {kills}; {self.failpoints.total()} of them at failpoints: {places}",
            f"faults: {faults}; {self.ended_sessions} sessions ended",
            f"{self.deposits} deposits acknowledged; {self.unknown} without an answer, of which {self.unknown_stored}"
            f" are stored; refused calls: {refusals or 'none'}",
            f"{self.activations} activations, {self.interruptions} interruptions; {self.deadlocks} deadlocks, none of"
            " which reached a caller",
            f"longest gap between deposits {self.longest_gap:.1f} s, longest hold by a host that was cut off or stopped"
            f" {self.longest_hold:.1f} s, longest take-up of a dead worker's work {self.longest_take_up:.1f} s, longest"
            f" recovery {self.longest_recovery:.1f} s",
            "nothing lost, nothing doubled, no worker left over",
        ]
