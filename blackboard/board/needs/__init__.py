"""Needs: which are open, who may answer them, and what follows when one is due.

need_answers    which need is open, and which answers it takes
overdue_needs   the mark of the board for each need that is due
need_agents     the agents that a need waits for
needs_overview  the needs in `status`

A need is a mark, so other packages do for needs what they do for other marks:

mark_storage.open_needs           when a need is due, and who may and should answer it
watches.measurements.need_access  which agents a need wakes, and which may answer it
activations.agent_decisions       the answer of an agent
people.inbox                      the answers of people, and what they see
"""
