"""The choice of the crossings that an activation is given.

crossing_selection  the crossings that an activation is given
crossing_deferrals  the reason why a crossing waits now
subject_cooldowns   cooldowns of single subjects
"""
