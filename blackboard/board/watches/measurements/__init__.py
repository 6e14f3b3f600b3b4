"""The marks and deposits that count for a watch, and the totals that are kept of them.

counted_marks   the marks that a watch counts, by subject, tags and access to needs
stimuli         the marks that count for a rising watch
news            whether a deposit makes a mark count again that was given already
watch_totals    totals of marks over the whole board or groups, kept up to date without a scan
running_sums    the sums behind these totals, with bounds on their rounding errors
law_sums        the sums of a watch, for each kind and law
sum_bounds      the totals that follow from sums, with their rounding errors
collected_sums  the sums that a transaction has read, which it writes at its end
added_sums      what a transaction without a lock adds to these sums
window_totals   totals of the deposits in a window
watch_states    the stored states of watches over time
"""
