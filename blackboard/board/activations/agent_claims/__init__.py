"""The claims of agents: which agent may wake, and for which crossings.

agent_readiness       pauses, cooldowns, concurrency and budgets: whether an agent may wake
shared_claim_data     what several claims in one transaction on a server read together
absorption            what an activation was given is no longer a stimulus of its watch
claims                the lease of an activation for the strongest crossings of an agent
crossing_selection    the crossings that an activation is given
crossing_activations  the activation of the crossings that a claim takes
deferred_activations  the activations that wait for another attempt
renewed_inputs        the marks of an activation that had a conflict, read again at its next claim
loop_detection        activations that keep waking each other
loop_quarantine       the quarantine of crossings that would continue a loop
additional_reads      the marks that an agent reads in addition, and the searches that find some of them
claims_with_searches  claims, with the searches that their agents need
activation_spans      the spans of activations in traces, and the deposits that woke an agent
"""
