"""The claims of agents: which agent may wake, and for which crossings.

agent_readiness         pauses, cooldowns, concurrency and budgets: whether an agent may wake
claimable_work          an agent's claimable work, and the source that finds it; several claims can share one
claims                  the lease of an activation for the strongest crossings of an agent
claims_after_run_ends   on PostgreSQL: the claims made after runs have ended in one transaction, with shared work
claims_in_turns         claims by agents that take turns, tried again after the full-text searches that they need
searches_in_reads       the full-text searches in the `reads` of agents, which run before a claim
crossing_selection      the crossings that an activation is given
new_activations         the activation of selected crossings, which absorbs their marks
deferred_activations    the activations that wait for another attempt
input_renewal           the marks of an activation as they are after a conflict
additional_reads        the marks that an agent reads in addition to those that woke it
circular_wakes          the quarantine of activations that keep waking each other
activation_trace_spans  the trace spans of activations, and the deposits that they link to
"""
