"""The marks and deposits that count for a watch, and their stored totals.

watched_marks   the marks that a watch counts, by subject, tags and access to needs
absorbed_marks  up to which event a watch has absorbed each mark, and what its agent was given
stimuli         the marks that count for a rising watch
news            whether a deposit makes a mark that was given before count again
watch_totals    totals of marks over the whole board or groups, kept up to date without a scan
running_sums    the sums from which these totals are computed, the totals, and their rounding errors
law_sums        the sums of a watch, for each kind and law
collected_sums  the sums that a transaction has read, and what it writes or adds at its end
window_totals   totals of the deposits in a window
watch_states    the stored states of watches over time
"""
