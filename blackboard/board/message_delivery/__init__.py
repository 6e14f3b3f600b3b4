"""The delivery of messages to people outside.

delivery_queue       leases messages to the processes that deliver them, and records the results
timed_announcements  finds late crossings and unserved agents, and writes messages about them
"""
