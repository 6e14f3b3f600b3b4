"""What marks, conditions, agents and deployments are: values and pure functions, without a database and without I/O.

Marks:

marks               marks and their kinds
decay               decay laws: what share of a mark remains after an age
reinforcement       the fading part of a mark, and how a repeated deposit joins it
authors             names of authors and agents, and what is reserved
payload_round_trip  checks that a mark is read as it was deposited
canonical_schema    what a JSON schema allows, whatever its text
tags                fields of a payload by which marks are found
comparison_keys     the text of a value that equal values share

Conditions:

conditions         conditions over the strengths of marks
schedules          instants at which an agent wakes, whatever marks are on the board
parsing            conditions and schedules from their text
strength_forecast  the values of measures at an instant, and when fading alone makes a condition true
episodes           how long a condition has held, and when its watch crosses for that

Agents:

agent_definition  a function from marks to marks, and its declaration
mark_actions      what an agent may return beside marks
finding           one result of a diagnosis
code_digest       tells two versions of an agent's code apart
states            the states of activations, crossings and model calls
backoff           the delay between attempts

Deployments:

deployment  the deployment of a board as immutable data
"""
