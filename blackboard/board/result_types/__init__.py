"""The results that the board returns: frozen dataclasses with aware datetimes.

mark_results            receipts of deposits, marks as read, and their events
work_results            the agenda, activations, model calls, schedules and costs
remote_work_results     activations that remote workers have claimed, and the states of their runs
status_results          the state of the board, of its workers and of its agents
message_results         messages to people outside
explanation_results     why an agent wakes or waits
administration_results  tokens, deployments, erasure and compaction
preview_results         what a deployment would change
status_texts            what people read about the clock and about needs that wait
row_conversion          results from rows, with aware datetimes
"""

from blackboard.board.result_types.administration_results import (
    AccessToken,
    BackupMention,
    CompactionReport,
    DeploymentRecord,
    DeployResult,
    ErasureReport,
)
from blackboard.board.result_types.explanation_results import (
    NO_REASON,
    DeferredActivation,
    Explanation,
    LastActivation,
    MeasuredValue,
    OwnLaw,
    RunningActivation,
    WaitingCrossing,
    WatchEpisode,
    WatchExplanation,
)
from blackboard.board.result_types.mark_results import (
    MarkEvent,
    MarkPosition,
    MarkRecord,
    NeedRecord,
    Receipt,
    SearchProgress,
    SearchResult,
    StreamEvent,
    StreamPosition,
)
from blackboard.board.result_types.message_results import OutboxMessage, SinkStatus
from blackboard.board.result_types.remote_work_results import ClaimedMark, RemoteActivation, RunState
from blackboard.board.result_types.status_results import (
    AgentStatus,
    BoardStatus,
    MenuCounts,
    ModelCallCounts,
    NeedsOverview,
    WaitingNeed,
    WorkerStatus,
)
from blackboard.board.result_types.work_results import (
    ActivationDetails,
    ActivationRecord,
    ActivationUsage,
    ActivityRecord,
    AgendaItem,
    CostRow,
    EarlyWake,
    EndingDeferral,
    GivenMark,
    ModelCallRecord,
    ModelCallTexts,
    ModelCostRow,
    Prediction,
    ScheduleRecord,
)

__all__ = [
    "NO_REASON",
    "AccessToken",
    "ActivationDetails",
    "ActivationRecord",
    "ActivationUsage",
    "ActivityRecord",
    "AgendaItem",
    "AgentStatus",
    "BackupMention",
    "BoardStatus",
    "ClaimedMark",
    "CompactionReport",
    "CostRow",
    "DeferredActivation",
    "DeployResult",
    "DeploymentRecord",
    "EarlyWake",
    "EndingDeferral",
    "ErasureReport",
    "Explanation",
    "GivenMark",
    "LastActivation",
    "MarkEvent",
    "MarkPosition",
    "MarkRecord",
    "MeasuredValue",
    "MenuCounts",
    "ModelCallCounts",
    "ModelCallRecord",
    "ModelCallTexts",
    "ModelCostRow",
    "NeedRecord",
    "NeedsOverview",
    "OutboxMessage",
    "OwnLaw",
    "Prediction",
    "Receipt",
    "RemoteActivation",
    "RunState",
    "RunningActivation",
    "ScheduleRecord",
    "SearchProgress",
    "SearchResult",
    "SinkStatus",
    "StreamEvent",
    "StreamPosition",
    "WaitingCrossing",
    "WaitingNeed",
    "WatchEpisode",
    "WatchExplanation",
    "WorkerStatus",
]
