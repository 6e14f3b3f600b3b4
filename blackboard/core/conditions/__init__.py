"""Conditions over the strengths of marks, what fading will do to them, and schedules.

condition_types   conditions: comparisons of measures, and their combinations
measures          what conditions compare: the strength of a mark; the total, strongest and number of marks
fading_forecasts  the values of measures at an instant, and when fading alone makes a condition true
threshold_search  when a value that only falls is below a threshold
fewest_marks      the fewest marks with which a condition holds
schedules         instants when an agent wakes, independent of marks
condition_parser  conditions and schedules from their text
number_formats    numbers as text: with all digits, or with just enough to tell a value from a threshold
"""
