"""Needs: the questions that agents ask, and the answers to them.

access   which needs are open, when they are due, and who may answer them
answers  the answers of people and agents, and what follows when a need is due

`reading/inbox.py` lists the needs that wait for people.
"""
