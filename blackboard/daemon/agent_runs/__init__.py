"""The runs of agents in this process.

active_runs        the activations that run in this process
agent_threads      the threads that agents run in
agent_event_loop   the event loop of asynchronous agents
activation_runner  runs an agent's function, and saves its result
forked_children    ends a child process that an agent's code forks
run_context        the context that a function gets with its marks
"""
