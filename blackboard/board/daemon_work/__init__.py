"""The work of a daemon on a board. A daemon uses the names below and the facade, and nothing else of a board's work.

worker                   a worker: its registration, its due work and its claims, and the lock of publishing
due_work                 the work that is due on a board, and the instants when more will be due
remaining_work           the work that remains when a daemon ends, and whether it can finish by itself
early_window_ends        the early end of a batch window, for a worker that waits for quiescence
run_end_transactions     the ends of a worker's runs
model_call_transactions  model calls: planned, reserved, answered or ended, and the pauses of models
batch_api_transactions   the model calls of the Batch API
"""

from blackboard.board.activations.agent_claims import activation_trace_spans
from blackboard.board.activations.agent_claims.claimable_work import WorkSource
from blackboard.board.activations.agent_claims.claims import Claim, RunKey
from blackboard.board.activations.call_records.answer_spool import SpooledAnswer
from blackboard.board.activations.call_records.model_calls import CallCost, ModelCall
from blackboard.board.activations.model_pauses import CallWait, Refusal
from blackboard.board.activations.run_ends import agent_action_checks
from blackboard.board.activations.run_ends.activation_results import Failure
from blackboard.board.daemon_work.batch_api_transactions import BatchApiTransactions
from blackboard.board.daemon_work.due_work import DueWork
from blackboard.board.daemon_work.model_call_transactions import ModelCallTransactions
from blackboard.board.daemon_work.remaining_work import RemainingWork
from blackboard.board.daemon_work.run_end_transactions import ClaimNext, FinishedRun
from blackboard.board.daemon_work.worker import Worker, publish_lock
from blackboard.board.known_classes import learn_classes_of
from blackboard.board.program_preloading import preload_program
from blackboard.board.remote_work.remote_runs import WEBHOOK_WORKER
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.work_tables.activation_inputs import ActivationInput

__all__ = [
    "WEBHOOK_WORKER",
    "ActivationInput",
    "BatchApiTransactions",
    "BoardTransaction",
    "CallCost",
    "CallWait",
    "Claim",
    "ClaimNext",
    "DueWork",
    "Failure",
    "FinishedRun",
    "ModelCall",
    "ModelCallTransactions",
    "Refusal",
    "RemainingWork",
    "RunKey",
    "SpooledAnswer",
    "WorkSource",
    "Worker",
    "activation_trace_spans",
    "agent_action_checks",
    "learn_classes_of",
    "preload_program",
    "publish_lock",
]
