"""The reads that a deposit will need, which are sent to a server in one message.

The result does not depend on this list. A read that is missing here is sent when it is needed, and the result of
an unneeded one is ignored.
"""

from __future__ import annotations

from blackboard.board.mark_classes import unique_values
from blackboard.board.mark_deposits.deposit_requests import DepositRequest
from blackboard.board.transactions.active_deployment import ActiveDeployment
from blackboard.board.transactions.row_cache import absorbed_by_watches
from blackboard.core.marks.scopes import WHOLE_BOARD
from blackboard.store.statements import CROSSINGS, MARKS
from blackboard.store.transaction import Transaction


def prefetch(sql: Transaction, active: ActiveDeployment, request: DepositRequest) -> None:
    """Send the reads of a deposit ahead, if that saves anything."""
    if (ahead := sql.ahead) is None:
        return
    if isinstance(request.key, str):
        ahead.prefetch(MARKS.find_key, key=request.key, author=request.author, kind=request.kind)
    kind = active.kinds.get(request.kind)
    if kind is None or not isinstance(request.subject, str):
        return
    if kind.on_repeat != "separate":
        ahead.prefetch(MARKS.marks_of_subject, kind=kind.name, subject=request.subject)
    text = request.text if kind.unique is not None else None
    if text is not None and (value := unique_values.value_of(kind, text)) is not None:
        ahead.prefetch(MARKS.holders_of_unique_value, kind=kind.name, value=value)
    watches = active.rising.get(kind.name, ())
    for watch in watches:
        if watch.keeps_sums and watch.condition.is_over_board:
            ahead.prefetch(CROSSINGS.watch_totals, watch_id=watch.id, scope=WHOLE_BOARD)
            ahead.prefetch(CROSSINGS.watch_totals, watch_id=watch.over_live_marks.id, scope=WHOLE_BOARD)
    if watches and kind.on_repeat != "separate":
        watch_ids = dict.fromkeys(watch.id for watch in watches)
        statement, values = absorbed_by_watches(sql, watch_ids, kind.name, request.subject)
        ahead.prefetch(statement, **values)
