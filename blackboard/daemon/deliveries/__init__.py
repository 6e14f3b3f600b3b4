"""Deliveries of a daemon to the outside, besides the messages to sinks, which `blackboard.sinks` delivers.

webhook_couriers  post the activations of remote agents to webhooks
publish_hooks     let agents update files and other systems from their marks after a commit
"""
