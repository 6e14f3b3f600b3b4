"""The lead desk: four agents that turn enquiries into appointments. They communicate only through marks.

sales         judges leads; reminds once of a qualified lead without an appointment
scheduler     books slots in a calendar, or reports a conflict
analyst       finds patterns in the outcomes
coordinator   resolves conflicts, creates tasks, asks a person

calendar_file reads the busy times of others and writes the meetings of the board

desk_marks    the kinds of mark that they exchange
offline_rules deterministic rules that answer if there is no model
"""
