"""The daemon: it wakes agents when marks cross their thresholds, and maintains the board."""

from blackboard.board.activations.quiescence import Report
from blackboard.daemon.daemon import Daemon, build_daemon

__all__ = ["Daemon", "Report", "build_daemon"]
