"""Monitoring of the server and its board: metrics for Prometheus, and health checks for service managers.

monitoring_routes  the routes /metrics, /healthz and /readyz
board_metrics      metrics of the board
request_metrics    metrics of the requests that were handled
metric_families    counters, histograms and gauges with labels
"""
