"""Metrics of the server and of its board, for Prometheus.

metric_families  numbers under a name with labels
board_metrics    figures of the board
request_metrics  figures of the requests that were handled
metrics_route    the route /metrics
"""
