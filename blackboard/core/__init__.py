"""Marks, conditions, agents and deployments as values and pure functions, without a database and without I/O.

agents              agents: their declarations, what they read, and what they return
specs               the deployment of a board as immutable data
declaration_checks  mistakes in declared agents that arise from several settings together
conditions          conditions over the strengths of marks, and schedules
marks               marks: what one is, how it fades, how a repeated deposit joins it, and how it is found
built_in_marks      the marks that every board knows: needs, decisions and overdue needs
authors             the names of authors and agents, and the reserved names
token_scopes        what a token allows
records             states, kinds of activity, money, and other values of rows and results
backoff             the delay between attempts
model_fields        the fields of models at a place, and the message for a name that none has
named_subclasses    registers subclasses by the names that deployment files use
"""
