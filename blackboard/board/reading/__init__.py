"""The reading side of a board, for people and programs. Nothing here writes.

mark_queries         marks at any instant, their events and subjects, and how many faded unseen
past_marks           the marks at a past instant, from the history
work_queries         the agenda, schedules and activations
model_costs          the tokens and the costs of model calls
board_figures        figures for monitors: the state now, and what happened after earlier figures
board_status         the state of the board, its agents and deployments
text_search_results  what a search by text found: records, or marks of a class
inbox                the needs that wait for people
activation_details   one activation in full
tag_texts            filters by tags and groups in text
event_pages          the events of marks and the activity after a position, for streams
"""
