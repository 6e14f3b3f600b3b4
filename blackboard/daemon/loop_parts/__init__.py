"""The parts of the daemon's loop.

life_cycle         the phases of a daemon, from its construction to its end
loop_work          the work of the loop: ready activations, and maintenance that is due
loop_sleep         the sleep of the loop, which an event ends
loop_signals       what the loop and its parts tell each other
timer              an alarm at an instant, by APScheduler
clock_jumps        jumps of the clock
deployment_reload  the reload of the deployment file
"""
