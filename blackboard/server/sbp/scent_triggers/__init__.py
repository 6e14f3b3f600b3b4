"""Scents on the board, and the triggers that tell clients of them.

trigger_route          the response to a request for a stream of triggers
trigger_stream         the text of such a stream
scent_evaluator        measures the conditions of scents, and deposits their triggers
trigger_notifications  what a client is told when a scent fires
scents                 scents are registered, subscribed to, and removed
"""
