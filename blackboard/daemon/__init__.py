"""The daemon: it wakes agents when marks cross their thresholds, and maintains the board.

agent_daemon      the class `Daemon`, as programs use it
loop              the loop of a daemon: its phases, its iterations, its sleep and its maintenance
daemon_events     what a daemon reports to its listeners and to the log
agent_set         the agents: their code and settings, their deployment, and what they publish
agent_runs        the runs of agents in this process
model_requests    the model calls of agents
deliveries        webhooks, and files and systems that follow from marks
run_traces        traces of runs and model calls through OpenTelemetry
service_manager   the service manager, such as systemd, to which the daemon reports
"""

from blackboard.board.daemon_work import RemainingWork
from blackboard.daemon.agent_daemon import Daemon
from blackboard.daemon.daemon_events import DaemonEvent, DaemonEventDetails
from blackboard.daemon.loop.daemon_loop import DaemonLoop, build_loop

__all__ = ["Daemon", "DaemonEvent", "DaemonEventDetails", "DaemonLoop", "RemainingWork", "build_loop"]
