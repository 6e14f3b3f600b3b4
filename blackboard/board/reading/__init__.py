"""The reading side of a board, for people and programs. Nothing here writes.

mark_queries        marks at any instant, their events and subjects
past_marks          the marks at a past instant, from the history
work_queries        the agenda, schedules and activations
board_figures       figures for monitors: the state now, and what happened after earlier figures
board_status        the state of the board, its agents and deployments, and costs
search_results      what a search found: records, or marks of a class
inbox               the needs that wait for people
activation_details  one activation in full
tag_texts           filters by tags and groups in text
waking_explanation  why an agent has or has not woken
watch_explanations  the part of each watch in this: what it waits for, and what waits for it
measured_values     the values that a watch measures now
waking_verdicts     what keeps a watch from waking its agent, in words
explanation_lines   the lines of `blackboard explain`
"""
