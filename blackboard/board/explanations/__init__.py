"""The reasons why an agent has or has not woken, for people. Nothing here writes.

waking_explanation  why an agent has or has not woken
watch_explanations  the part about each watch: what it measures, what it waits for, and what waits for it
waking_verdicts     what keeps a watch from waking its agent, in words
"""
