"""The lead desk: four agents that turn enquiries into appointments. They communicate only through marks.

The agents:

sales              judges leads; reminds once of a qualified lead without an appointment
scheduler          books slots in a calendar, or reports a conflict
analyst            finds patterns in the outcomes
coordinator        resolves conflicts, creates tasks, asks a person

What they share:

desk_marks         the kinds of mark that they exchange
desk_settings      the section `[settings.lead_desk]` of the deployment file
prompts            the task of each model call
model_answers      the answers that the agents accept from a model, and which belongs to which mark
offline_rules      deterministic rules that answer if there is no model
appointment_book   meeting requests, and the appointments and conflicts that result
free_slots         the starts at which a meeting overlaps nothing
contact_addresses  one spelling of an email address or a telephone number
calendar           calendar files: busy times, recurrence rules, zones
language           the text of people: times, intentions
"""
