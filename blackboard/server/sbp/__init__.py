"""The Stigmergic Blackboard Protocol (SBP): pheromones, scents and traces of other programs as marks on the board.

sbp_routes      the paths of the protocol over HTTP, and the reader of its JSON-RPC messages
sbp_methods     the methods of the protocol, and the rights that each needs
scents          conditions that programs wait for, and the triggers that tell programs of them
pheromones      emits, sniffs and evaporates pheromones
trace_records   inscribes, reads and erases traces, which are records with versions
sbp_marks       the kinds of marks that the protocol uses, and steps that its methods share
sbp_parameters  the parameters of each method
decay_models    decay models of the protocol as decay laws
sbp_callers     the callers: the holder of a token, or a program on this machine
sbp_errors      errors as the protocol reports them
sbp_fields      base classes and types of the parameters
"""
