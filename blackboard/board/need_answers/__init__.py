"""The answers to needs, and what follows when a need is due.

need_lifecycle  a need from its question to its decision: who should answer it, and how it is closed
decisions       the answers of people and of agents, and which answers a need accepts
overdue_needs   the mark of the board for each need that is due
needs_overview  the number of needs that wait, those due first, and the agents that each waits for
"""
