"""The systems outside the board that a daemon uses or reports to.

outbound_deliveries  messages to sinks, and activations of remote agents to webhooks
webhook_couriers     post the activations of remote agents to webhooks
mark_publishing      updates files and systems from the marks of agents, after a commit
service_manager      the service manager, such as systemd, to which the daemon reports
telemetry            traces through OpenTelemetry
"""
