"""The answers to needs, and what follows when a need is due.

answer_rules    the answers that a need accepts
asked_needs     which needs are open, the decision on each, and how an answer closes one
people_answers  the answers of people, and who should answer
agent_answers   the answers of agents
overdue_needs   the mark of the board for each need that is due
need_agents     the agents that a need waits for
needs_overview  the needs in `status`
"""
