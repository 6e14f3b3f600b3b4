"""The Stigmergic Blackboard Protocol (SBP): pheromones, scents and traces of other programs as marks on the board.

sbp_routes             the paths of the protocol over HTTP
trigger_route          the answer to a request for a stream of triggers
trigger_stream         the text of such a stream
sbp_methods            the methods of the protocol, and what each asks of its caller
inspection             what there is on the board, for people
traces                 inscribes, reads and erases traces
scent_evaluator        measures the conditions of scents, and deposits their triggers
trigger_notifications  what a client is told when a scent fires
scents                 scents are registered, subscribed to, and removed
scent_states           when a scent fires, rests, and may fire again
board_observations     what conditions measure, read from the board
condition_forecasts    when a condition may change by itself
observations           what is on the board at an instant, as conditions measure it
scent_conditions       what a condition takes
pheromones             emits, sniffs and evaporates pheromones
sbp_marks              the kinds of marks that the protocol uses
sbp_parameters         what each method takes
decay_models           decay models as laws of marks
sbp_fields             what the parameters of the protocol share
sbp_callers            who sends a request: the holder of a token, or a program on this machine
rpc_messages           reads the messages of JSON-RPC
sbp_errors             errors as the protocol reports them
"""
