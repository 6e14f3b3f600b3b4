"""The lead desk: four agents that turn enquiries into appointments, and know each other only through marks.

kinds         the marks they leave
sales         judges leads; nudges where a qualified lead went cold
scheduler     books slots in a calendar, or says what clashes
analyst       tells patterns from outcomes
coordinator   settles clashes, sets tasks, asks a person
offline       deterministic rules that answer where there is no model
"""
