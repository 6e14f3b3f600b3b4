"""Watches: the marks that count for them, their crossings, and the crossings that wait.

The marks and deposits that count:

stimuli        the marks that count for a rising watch
need_access    which agents a need wakes, and which may answer it
news           whether a deposit makes a mark count again that was given already
watch_totals   totals of marks over the whole board or groups, kept up to date without a scan
window_totals  totals of the deposits in a window

The crossings:

rising_crossings     rising watches, tested at each deposit
falling_crossings    falling watches, when a value has fallen below the threshold
predicted_crossings  when falling watches will cross, and when schedules come next
episode_crossings    watches over time, for how long the condition has held
state_advance        a state of such a watch, taken through the instants at which time alone changes it
watch_states         the stored states of watches over time
scheduled_crossings  schedules, and their missed instants
crossing_records     records of crossings, with the measured value

The crossings that wait:

crossing_retests    tests of crossings whose watch has changed
crossing_holds      the reason why a crossing waits now
guards              whether a guard is open
dropped_crossings   crossings that a closed guard drops
subject_cooldowns   cooldowns of single subjects
crossing_order      the order of crossings: strongest now first
crossing_selection  the crossings that an activation is given
crossing_inputs     the marks behind a crossing
"""
