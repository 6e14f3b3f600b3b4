"""The daemon: it wakes agents when marks cross their thresholds, and maintains the board.

The loop:

daemon_loop      the loop: does the due work, and sleeps until the next instant
loop_parts       the parts of the loop: its phases, its work, its sleep and its signals
daemon_events    what a daemon reports to its listeners and to the log
agent_set        the agents: their code and settings, their deployment, and what they publish
maintenance      the tasks besides agents, in bounded steps
service_manager  the service manager, such as systemd, to which the daemon reports
troubles         conditions that prevent the work of a daemon
telemetry        traces through OpenTelemetry

Its work:

agent_runs           the runs of agents in this process
model_requests       the model calls of agents
outbound_deliveries  messages to sinks, and activations of remote agents to webhooks
webhook_couriers     post the activations of remote agents to webhooks
publish_hooks        files and systems that agents update after a commit
forked_children      ends a child process that an agent's code forks
"""

from blackboard.board.daemon_work.remaining_work import Report
from blackboard.daemon.daemon_events import DaemonEvent
from blackboard.daemon.daemon_loop import Daemon, build_daemon

__all__ = ["Daemon", "DaemonEvent", "Report", "build_daemon"]
