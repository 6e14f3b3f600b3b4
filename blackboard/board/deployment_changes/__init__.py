"""Deployment changes: what a new deployment changes in kinds, agents, watches and marks.

declarations     registers agents and kinds as a program declares them
redeployment     the changes of the deployment, each one recorded event
kind_changes     its kinds
tag_changes      the tags of their marks
search_changes   the fields of their text that are searched
agent_changes    its agents and their watches
backfill         adapts live marks to a change, in bounded batches
changed_watches  tests watches after a change, at the latest before one of their marks changes
mark_migration   one mark under a new law or a new floor of its kind

The package `deployments` decides which deployment is active.
"""
