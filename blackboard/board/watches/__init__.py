"""Watches: what counts for them, when they cross, and what holds their crossings.

What counts:

stimuli       the marks that count for a rising watch
news          whether a deposit makes a mark that was given already count again
board_totals  totals over the whole board, kept up to date without a scan
window_sums   sums over the windows of rising watches over the board

When they cross:

crossings            rising watches, tested at each deposit
predicted_crossings  when falling watches will cross, and when schedules come next
falls                values that fell below the threshold of a falling watch
timed_crossings      watches over time, such as those with `held_for`
watch_states         since when the condition of a watch over time has held
scheduled_crossings  schedules: which instant came due, and what becomes of missed ones
crossing_retests     waiting crossings whose watch has changed

What holds and chooses crossings:

guards              whether a guard lets a crossing through
crossing_holds      what holds a waiting crossing now
dropped_crossings   crossings that a closed guard drops
subject_cooldowns   how long an agent does not wake for a subject
crossing_order      the order of waiting crossings: strongest now first
crossing_selection  the crossings that an activation is given
crossing_inputs     the marks behind a crossing
"""
