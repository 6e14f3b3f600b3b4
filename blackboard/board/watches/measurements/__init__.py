"""The marks and deposits that count for a watch, and the totals that are kept of them.

counted_marks  the marks that a watch counts, by subject, tags and access to needs
stimuli        the marks that count for a rising watch
news           whether a deposit makes a mark count again that was given already
watch_totals   totals of marks over the whole board or groups, kept up to date without a scan
law_sums       the sums behind these totals, for each kind and law
sum_bounds     the totals that follow from sums, with their rounding errors
window_totals  totals of the deposits in a window
watch_states   the stored states of watches over time
"""
