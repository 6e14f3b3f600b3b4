"""The detection of crossings: whether a watch crosses now, and when it will cross.

rising_crossings     rising watches, tested at each deposit
falling_crossings    falling watches, when a value has fallen below the threshold
predicted_crossings  when falling watches will cross, and when schedules come next
episodes             how long a condition has held, and when its watch crosses for that
episode_crossings    watches over time, which cross when such an episode has lasted
timed_state_changes  the changes of the state of such a watch that time alone causes
"""
