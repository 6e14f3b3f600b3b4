"""The rollout of a new deployment: what changes on the board when it becomes active.

declarations     registers agents and kinds as a program declares them
redeployment     the changes of the deployment, each one recorded event
kind_changes     its kinds
unique_changes   the values of their unique field
tag_changes      the tags of their marks
search_changes   the fields of their text that are searched
agent_changes    its agents and their watches
backfill         adapts live marks to a change, in bounded batches
changed_watches  tests watches after a change, at the latest before one of their marks changes
mark_migration   one mark under a new law or a new floor of its kind

The package `deployments` has the acts that make a deployment active. `evaluate_before_change` of `changed_watches`
runs at each change of a mark, until the last backfill has ended.
"""
