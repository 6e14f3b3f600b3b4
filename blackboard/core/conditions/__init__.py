"""Conditions over the strengths of marks, and schedules.

condition_types   conditions: comparisons of measures, and their combinations
measures          the strength of a mark; the total, the strongest and the number of marks
condition_checks  whether a condition can wake an agent or guard it
schedules         instants when an agent wakes, independent of marks
condition_parser  conditions and schedules from their text
number_formats    numbers in text: all digits, or as many as tell a value from a threshold
"""
