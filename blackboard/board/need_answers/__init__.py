"""The answers to needs, and what follows when a need is due.

need_lifecycle  a need from its question to its decision: who should answer it, and how it is closed
decisions       the answers of people and of agents, and which answers a need accepts
overdue_needs   the mark of the board for each need that is due
needs_overview  the number of waiting needs, the needs that are due first, and the agents that each need waits for

The rows of open needs are in the module `open_needs`, not here: each deposit of a need writes such a row, and answers
are deposits. So that module is below the modules of deposits, and this package is above them.
"""
