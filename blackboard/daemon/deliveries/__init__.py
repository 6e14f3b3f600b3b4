"""Deliveries of a daemon to the outside, besides the messages to sinks, which `blackboard.sinks` delivers.

webhook_couriers  post the activations of remote agents to webhooks
mark_publishing   updates files and systems from the marks of agents, after a commit
"""
