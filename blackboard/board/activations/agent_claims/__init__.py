"""The claims of agents: which agent may wake, and for which crossings.

agent_readiness       pauses, cooldowns, concurrency and budgets: whether an agent may wake
claim_data            the data that claims need, which several claims in one transaction on a server read together
claims                the lease of an activation for the strongest crossings of an agent
claim_searches        the searches that claims need, and claims that are tried again after them
crossing_selection    the crossings that an activation is given
new_activations       the activation of selected crossings, which absorbs their marks
deferred_activations  the activations that wait for another attempt, and their marks after a conflict
additional_reads      the marks that an agent reads in addition to those that woke it
circular_wakes        the quarantine of activations that keep waking each other
activation_spans      the spans of activations in traces, and the deposits that woke an agent
"""
