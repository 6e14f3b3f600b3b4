"""Marks, conditions, agents and deployments as values and pure functions, without a database and without I/O.

agents                      agents: their declarations, what they read, and what they return
specs                       the deployment of a board as immutable data
agent_declaration_mistakes  mistakes in an agent that arise from several settings together, or from settings and kinds
conditions                  conditions over the strengths of marks, and schedules
marks                       the classes of marks, how marks fade, how a repeated deposit joins a mark, and searches
built_in_marks              the marks that every board knows: needs, decisions and overdue needs
authors                     the names of authors and agents, and the reserved names
text_checks                 checks of short texts that others write: names, keys and assignees
token_scopes                what a token allows
records                     states, kinds of events, and other values in the rows and results of a board
micro_dollars               money as whole numbers, and US dollars
failure_texts               the texts of failures: the class of an error, and what may quote a payload
request_limits              how much one request may read, and which ids it may name
backoff                     the delay between attempts
validation_problems         the messages for wrong values and unknown names that pydantic finds in a model
pydantic_annotations        the annotations of pydantic models, found by their place in nested values
subclass_registry           registers subclasses by the names that deployment files use
unevaluated_annotations     names of fields and parameters, whose annotations may name what is defined later
"""
