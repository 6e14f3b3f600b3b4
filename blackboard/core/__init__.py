"""Marks, conditions, agents and deployments as values and pure functions, without a database and without I/O.

Marks:

marks               the base class of marks, and checks of their parts
kinds               the settings of a kind of marks
built_in_marks      the marks that every board knows: needs, decisions and overdue needs
payload_text        payloads as the JSON text that is stored
decay               decay laws: the share of a mark that remains after an age
reinforcement       the fading part of a mark, and how a repeated deposit joins it
authors             names of authors and agents, and the reserved names
payload_round_trip  checks that a mark is read as it was deposited
canonical_schema    the form of a JSON schema, independent of its text
tags                fields of a payload by which marks are found
scopes              what a watch measures together: a subject, a group, or the whole board
full_text           fields whose text is searched, and the words of a text
model_fields        the fields of models at a place, and the message for a name that none has
comparison_keys     the text of a value that equal values share

Conditions:

conditions         conditions over the strengths of marks
measures           the strength of a mark; the total, the strongest and the number of marks
condition_checks   whether a condition can wake an agent or guard it
schedules          instants at which an agent wakes, independent of marks
parsing            conditions and schedules from their text
strength_forecast  the values of measures at an instant, and when fading alone makes a condition true
episodes           how long a condition has held, and when its watch crosses for that
number_texts       numbers in text: all digits, or as many as tell a value from a threshold

Agents:

agent_definition  a function from marks to marks, and its declaration
agent_context     what an agent receives together with its marks
agent_reads       the marks that an agent reads beside those that woke it
agent_options     the settings in a declaration, for editors and type checkers
mark_actions      the actions that an agent may return beside marks
finding           one result of a diagnosis
access_scopes     the scopes of a token
sinks             the receivers of messages outside the board
code_digest       tells two versions of an agent's code apart
states            the states of activations, crossings and model calls
activity_events   the kinds of entries in the activity of a board
micro_dollars     money as whole numbers, and US dollars
class_registry    registers subclasses by the names that deployment files use
backoff           the delay between attempts

Deployments:

deployment            the deployment of a board as immutable data
declaration_mistakes  mistakes in declared agents that arise from several settings together
"""
