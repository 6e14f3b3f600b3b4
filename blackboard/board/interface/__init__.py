"""The methods of `Blackboard`, by subject. They hold no rule: each calls the module that does the work.

A method imports this module when it is called. So a process loads only the modules that it uses, and a command starts
quickly. A daemon imports them all at its start (`import_all`), because each import opens a file, and a daemon may have
no free descriptor later.

board_handle            what all methods share: the session and the author
deposit_methods         deposits, reinforcements and withdrawals
reading_methods         marks, their history, the streams of events, and queries that programs write
status_methods          status, figures, costs, agents, the agenda, schedules and activations
need_methods            needs, and the decisions that answer them
remote_work_methods     the claims, leases and ends of remote agents
operator_methods        pauses, early wakes, failed work, and messages to people outside
administration_methods  the deployment, tokens, and the erasure of data
"""

import importlib

_MODULES_OF_METHODS = (
    *("access_tokens", "deployer", "deployment_preview", "deposit_batches", "operator_actions"),
    *("activations.run_ends.activation_results", "explanations.waking_explanation"),
    *("housekeeping.board_compaction", "housekeeping.erasure"),
    *("mark_changes.checked_deposits", "mark_changes.mark_removals", "mark_changes.reinforcements"),
    *("need_answers.decisions", "need_answers.need_lifecycle", "outbox.outbox_administration"),
    *("reading.activation_details", "reading.board_figures", "reading.board_status", "reading.event_pages"),
    *("reading.inbox", "reading.mark_queries", "reading.model_costs", "reading.text_search_results"),
    *("reading.work_queries", "remote_work.remote_claims", "remote_work.remote_runs"),
)


def import_all() -> None:
    """Import the modules that do the work of the methods."""
    for module in _MODULES_OF_METHODS:
        importlib.import_module(f"blackboard.board.{module}")
