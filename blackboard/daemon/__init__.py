"""The daemon: it wakes agents when marks cross their thresholds, and maintains the board.

daemon_loop       the loop: does the due work, and sleeps until the next instant
loop              the phases of the loop, its iterations, its sleep and its maintenance
daemon_events     what a daemon reports to its listeners and to the log
agent_set         the agents: their code and settings, their deployment, and what they publish
agent_runs        the runs of agents in this process
model_requests    the model calls of agents
external_systems  sinks, webhooks, published files, the service manager and traces
"""

from blackboard.board.daemon_work.remaining_work import RemainingWork
from blackboard.daemon.daemon_events import DaemonEvent
from blackboard.daemon.daemon_loop import Daemon, build_daemon

__all__ = ["Daemon", "DaemonEvent", "RemainingWork", "build_daemon"]
