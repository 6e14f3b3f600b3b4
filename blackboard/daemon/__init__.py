"""The daemon: wakes agents when marks cross their thresholds, and keeps the board tidy."""

from blackboard.daemon.daemon import Daemon
from blackboard.daemon.quiescence import Report

__all__ = ["Daemon", "Report"]
