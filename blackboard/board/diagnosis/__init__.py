"""Diagnosis of a board: everything that can be wrong with it, each with a remedy. Read-only.

doctor                 all findings, for a command and for programs
store_findings         the database: its engine and schema, and its file or its database server
clock_findings         the clocks of this machine and of depositors
agent_findings         pauses, cooldowns, schedules, and the work of agents that are gone
worker_findings        the code of workers, the agents that none serves, models and leases
waiting_work_findings  activations, needs and messages that wait for people, agents or delivery
deployment_findings    unreadable marks, pending changes, and differences from the deployment file
examined_board         the board with its measurements and the deployment that it is compared with
"""
