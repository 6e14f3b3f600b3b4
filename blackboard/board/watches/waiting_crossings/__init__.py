"""The crossings on the board, which wait until an activation is given them.

measured_crossings   crossings as they are recorded: the measured value, the place in the order, and the reason
crossing_inputs      the marks behind a crossing
departed_marks       marks behind a crossing that no longer count
crossing_order       the order of crossings: strongest now first
crossing_retests     tests of crossings whose watch has changed, and where the new watch would have crossed
marks_at_crossing    the marks of a watch at the instant of a crossing
scheduled_crossings  schedules, and their missed instants
watch_guards         whether a guard is open
crossing_deferrals   the reason why a crossing waits now, such as the cooldown of its subject
dropped_crossings    crossings that a closed guard drops
"""
