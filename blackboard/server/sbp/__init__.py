"""The Stigmergic Blackboard Protocol (SBP): pheromones, scents and traces of other programs as marks on the board.

sbp_routes      the paths of the protocol over HTTP
sbp_methods     the methods of the protocol, and what each asks of its caller
inspection      what there is on the board, for people
scent_triggers  scents, and the triggers that tell clients of them
stored_marks    pheromones and traces as marks
sbp_parameters  what each method takes
decay_models    decay models as laws of marks
scent_rules     the conditions of scents, and when a scent fires
rpc             messages, errors and callers
"""
