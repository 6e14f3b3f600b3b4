"""Marks, conditions, agents and deployments as values and pure functions, without a database and without I/O.

agents                agents: their declarations, what they read, and what they return
forecasts             what fading alone will do to a condition
deployment            the deployment of a board as immutable data
declaration_mistakes  mistakes in declared agents that arise from several settings together
conditions            conditions over the strengths of marks, and schedules
marks                 marks: what one is, how it fades, how a repeated deposit joins it, and how it is found
built_in_marks        the marks that every board knows: needs, decisions and overdue needs
authors               names of authors and agents, and the reserved names
access_scopes         the scopes of a token
sinks                 the receivers of messages outside the board
states                the states of activations, crossings and model calls
activity_events       the kinds of entries in the activity of a board
program_queries       the parameters and rows of a query that a program writes
finding               one result of a diagnosis
micro_dollars         money as whole numbers, and US dollars
backoff               the delay between attempts
model_fields          the fields of models at a place, and the message for a name that none has
class_registry        registers subclasses by the names that deployment files use
"""
