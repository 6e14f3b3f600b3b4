"""The daemon: it wakes agents when marks cross their thresholds, and maintains the board.

agent_daemon      the class `Daemon`: does the due work, and sleeps until the next instant
loop              the phases of the loop, its iterations, its sleep and its maintenance
daemon_events     what a daemon reports to its listeners and to the log
agent_set         the agents: their code and settings, their deployment, and what they publish
agent_runs        the runs of agents in this process
model_requests    the model calls of agents
deliveries        webhooks, and files and systems that follow from marks
run_traces        traces of runs and model calls through OpenTelemetry
service_manager   the service manager, such as systemd, to which the daemon reports
"""

from blackboard.board.daemon_work import RemainingWork
from blackboard.daemon.agent_daemon import Daemon, build_daemon
from blackboard.daemon.daemon_events import DaemonEvent, DaemonEventDetails

__all__ = ["Daemon", "DaemonEvent", "DaemonEventDetails", "RemainingWork", "build_daemon"]
