"""A limit or an interval that a page names equals that of the program."""

from __future__ import annotations

import pytest

from blackboard.board import provenance, worker_registry
from blackboard.board.activations.run_ends import activation_results
from blackboard.board.housekeeping import board_maintenance
from blackboard.board.message_delivery import delivery_queue
from blackboard.board.remote_work import remote_claims
from blackboard.cli.row_files import row_deposits
from blackboard.core.marks import mark_checks
from blackboard.daemon.agent_runs import active_runs
from blackboard.daemon.loop import maintenance
from blackboard.daemon.model_requests import answer_recorder
from blackboard.durations import Duration, format_duration
from blackboard.presentation import untrusted_data
from blackboard.store.sqlite import compaction
from blackboard.system import log_queue, tracing
from tests.docs.blocks import ROOT

NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
ORDINALS = ["zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]


def minutes(length: Duration) -> str:
    return f"{format_duration(length).removesuffix('m')} minutes"


SENTENCES = [
    ("agents", f"The {ORDINALS[activation_results.MAX_CONFLICTS]} conflict in a row is a failure"),
    ("mcp", f"A list has at most {untrusted_data.MAX_RESULT_ITEMS} items"),
    ("notifications", f"After the {ORDINALS[len(delivery_queue.DELAYS) + 1]} attempt the message is `failed`"),
    ("operations", f"up to {log_queue.MAX_LINES:,} lines or {log_queue.MAX_CHARACTERS >> 20} MiB of text wait"),
    ("operations", f"at most the {tracing.MAX_LINKS} latest deposits"),
    ("operations", f"more than {answer_recorder.MAX_COST_FACTOR} times the highest cost of the call"),
    ("operations", f"A daemon tries every {minutes(maintenance.COMPACTION_INTERVAL)}"),
    ("operations", f"for files of up to {board_maintenance.MAX_COMPACTED_BYTES >> 20} MB"),
    ("operations", f"for the whole compaction after {NUMBERS[compaction.MAX_TRIES]} tries"),
    ("people", f"more than {provenance.MAX_CHAIN:,} activations"),
    ("python", f"`subject` (1 to {mark_checks.MAX_SUBJECT_CHARACTERS} characters)"),
    ("load", f"only the first {row_deposits.ROWS_PER_TRANSACTION} rows are checked"),
    ("reliability", f"if {active_runs.MAX_HANGING_THREADS} threads of the agent never ended"),
    ("remote-agents", f"A lease lasts {minutes(remote_claims.DEFAULT_LEASE)}"),
    ("remote-agents", f"no worker has claimed or waited for {minutes(worker_registry.REMOTE_SILENCE)}"),
]


@pytest.mark.parametrize(("page", "sentence"), SENTENCES)
def test_a_page_names_the_limit_of_the_program(page: str, sentence: str) -> None:
    text = " ".join((ROOT / f"docs/{page}.md").read_text("utf-8").split())
    assert sentence
    assert sentence in text
