"""The rules of scents, as values and pure functions: conditions, and when a scent fires.

scent_states         when a scent fires, rests, and may fire again
condition_forecasts  when a condition may change by itself
observations         what is on the board at an instant, as conditions measure it
scent_conditions     what a condition takes
"""
