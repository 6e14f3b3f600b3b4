"""Watches: what counts for them, when they cross, and what becomes of a crossing that waits.

What counts:

stimuli        the marks that count for a rising watch
need_access    which agents a need wakes, and which may answer it
news           whether a deposit makes a mark that was given already count again
board_totals   totals of marks over the whole board, kept up to date without a scan
window_totals  totals of the deposits in a window

When a watch crosses:

rising_crossings     rising watches, tested at each deposit
falling_crossings    falling watches, when a value has fallen below the threshold
predicted_crossings  when falling watches will cross, and when schedules come next
episode_crossings    watches over time, for how long the condition has held
state_advance        a state of such a watch, taken through the instants at which time alone changes it
watch_states         since when that is, as it is stored
scheduled_crossings  schedules, and what becomes of missed instants
crossing_records     how a crossing is recorded, with what the watch measured

What becomes of a crossing that waits:

crossing_retests    it is tested again, because its watch has changed
crossing_holds      what holds it now
guards              whether a guard lets it through
dropped_crossings   a closed guard dropped it
subject_cooldowns   how long an agent does not wake for its subject
crossing_order      its place: strongest now first
crossing_selection  the crossings that an activation is given
crossing_inputs     the marks behind it
"""
