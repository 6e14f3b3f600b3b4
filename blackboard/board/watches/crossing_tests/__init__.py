"""Tests whether a watch crosses, and when it will.

rising_crossings     rising watches, tested at each deposit
falling_crossings    falling watches, when a value has fallen below the threshold
predicted_crossings  when falling watches will cross, and when schedules come next
episode_crossings    watches over time, for how long the condition has held
state_advance        a state of such a watch, taken through the instants at which time alone changes it
"""
