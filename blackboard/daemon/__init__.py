"""The daemon: it wakes agents when marks cross their thresholds, and maintains the board.

The loop:

daemon       the loop: does the due work, and sleeps until the next instant
loop_sleep   its sleep, which an event ends
timer        an alarm at an instant, by APScheduler
agent_set    the agents: their code and settings, their deployment, and what they publish
maintenance  the tasks besides agents, in bounded steps
clock_jumps  jumps of the clock
troubles     conditions that prevent the work of a daemon
watchdog     reports to systemd
telemetry    traces through OpenTelemetry

The run of an activation:

active_runs        the activations that run in this process
agent_threads      the threads in which agents run
agent_event_loop   the event loop of asynchronous agents
activation_runner  runs an agent's function, and saves its result
run_context        the context that a function gets with its marks
deliveries         messages to sinks, and activations of remote agents to webhooks
webhook_couriers   post the activations of remote agents to webhooks
publish_hooks      files and systems that agents update after a commit
forked_children    ends a child process that an agent's code forks

Model calls:

model_access     the calls of its agents, the answers to them, and the Batch API
model_caller     plans, sends and answers a call, step by step
answer_recorder  commits each answer with its cost before it is parsed
batch_api        submits calls together
"""

from blackboard.board.activations.quiescence import Report
from blackboard.daemon.daemon import Daemon, build_daemon

__all__ = ["Daemon", "Report", "build_daemon"]
