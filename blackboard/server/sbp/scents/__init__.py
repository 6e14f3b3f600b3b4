"""Scents: conditions that programs register and wait for, and the triggers that are sent when a condition is met.

trigger_streams       the stream of triggers that a program listens to
scent_evaluator       measures the conditions of scents, and deposits their triggers
stored_scents         registers, subscribes to and removes scents, which are marks
board_observations    what conditions measure, read from the board
scent_states          when a scent fires, has a cooldown, and may fire again
condition_forecasts   when a condition may change by time alone
condition_evaluation  whether a condition is met by what was observed
scent_conditions      the conditions, as programs write them
"""
