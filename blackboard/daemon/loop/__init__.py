"""The loop of a daemon: its phases, its iterations with the due work, and its sleep.

daemon_loop        the loop with its parts: its start, its steps and its end
life_cycle         the phases of a daemon, from its construction to its end, and the handle on its loop
loop_iterations    the iterations of the loop: ready activations, and maintenance that is due
loop_sleep         the sleep of the loop, which an event or an instant ends
maintenance        the tasks besides agents, in bounded steps
clock_jumps        jumps of the clock
deployment_reload  the reload of the deployment file
troubles           conditions that prevent the work of a daemon
"""
