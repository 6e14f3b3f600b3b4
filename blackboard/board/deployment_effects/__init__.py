"""The effects of a new deployment on the board: on its agents, watches and kinds, and then on the marks, which follow.

deployment_activation  activates a deployment, as one recorded event
program_declarations   registers agents and kinds as a program declares them
registered_kinds       registers a kind when it is first used
kind_changes           changed kinds: their laws, floors, unique fields and tags, which their marks follow
agent_changes          changed agents and watches
backfill               the batches in which waiting crossings, the marks of a kind and watches follow a change
watch_reevaluation     tests watches after a change, at the latest before one of their marks changes
mark_backfill          one mark under a new law or a new floor of its kind
gone_agents            the unfinished work of agents that the deployment no longer has

`evaluate_before_change` of `watch_reevaluation` runs at each change of a mark, until the last backfill has ended.
"""
