"""The Stigmergic Blackboard Protocol (SBP): pheromones, scents and traces of other programs as marks on the board.

sbp_routes        the paths of the protocol over HTTP
sbp_methods       the methods of the protocol, and what each asks of its caller
sbp_callers       who sends a request: the holder of a token, or a program on this machine
sbp_errors        errors as the protocol reports them
sbp_parameters    what each method takes
sbp_fields        what the parameters of the protocol share
decay_models      decay models as laws of marks
sbp_marks         the kinds of marks that the protocol uses
pheromones        emits, sniffs and evaporates pheromones
inspection        what there is on the board, for people
"""
