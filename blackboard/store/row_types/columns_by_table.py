"""The columns of each table and view, in their order."""

from __future__ import annotations

from blackboard.core.records.view_columns import VIEWS
from blackboard.store.row_types.activation_row_types import ActivationRow, AgentStateRow
from blackboard.store.row_types.board_row_types import AccessTokenRow, ActivityEventRow, BoardRow, MessageRow, WorkerRow
from blackboard.store.row_types.deployment_row_types import BackfillRow, DeploymentRow, KindRow, LawChangeRow
from blackboard.store.row_types.mark_row_types import (
    DepositKeyRow,
    EventRow,
    MarkRow,
    MarkTagRow,
    OpenNeedRow,
    ReadPositionRow,
    WindowEventRow,
    WindowTagRow,
)
from blackboard.store.row_types.model_call_row_types import CallRow, ModelPauseRow
from blackboard.store.row_types.search_row_types import SearchDocRow, SearchKindRow
from blackboard.store.row_types.watch_row_types import (
    AbsorbedRow,
    CrossingRow,
    FollowedWatchRow,
    PredictedCrossingRow,
    WatchRow,
    WatchStateRow,
    WatchTotalRow,
)

COLUMNS: dict[str, tuple[str, ...]] = {
    "absorbed": AbsorbedRow._fields,
    "access_token": AccessTokenRow._fields,
    "activation": ActivationRow._fields,
    "activity_event": ActivityEventRow._fields,
    "agent_state": AgentStateRow._fields,
    "backfill": BackfillRow._fields,
    "board": BoardRow._fields,
    "crossing": CrossingRow._fields,
    "deployment": DeploymentRow._fields,
    "deposit_key": DepositKeyRow._fields,
    "event": EventRow._fields,
    "followed_watch": FollowedWatchRow._fields,
    "kind": KindRow._fields,
    "law_change": LawChangeRow._fields,
    "live": MarkRow._fields,  # the fragment live_marks under this name
    "mark": MarkRow._fields,
    "mark_tag": MarkTagRow._fields,
    "message": MessageRow._fields,
    "model_call": CallRow._fields,
    "model_pause": ModelPauseRow._fields,
    "open_need": OpenNeedRow._fields,
    "predicted_crossing": PredictedCrossingRow._fields,
    "read_position": ReadPositionRow._fields,
    "search_doc": SearchDocRow._fields,
    "search_kind": SearchKindRow._fields,
    "watch": WatchRow._fields,
    "watch_state": WatchStateRow._fields,
    "watch_total": WatchTotalRow._fields,
    "window_event": WindowEventRow._fields,
    "window_tag": WindowTagRow._fields,
    "worker": WorkerRow._fields,
    **VIEWS,
}
"""The columns of tables and views, which replace `{mark.*}` in a statement."""
