"""The stored state of watches over time: since when a condition has held, and when the watch last crossed.

Only watches with a `Timing` have such states. A row belongs to a subject, a group, a mark or the board. It exists from
the beginning of an episode until the episode is cleared. `episode_crossings` changes the rows.
"""

from __future__ import annotations

from blackboard.board.mark_tables.mark_states import fading_mark
from blackboard.board.mark_tables.marks_in_scopes import deposits_in_windows, stored_marks
from blackboard.board.mark_tables.window_deposits import WindowReading
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.registered_watch import RegisteredWatch
from blackboard.board.watches.measurements import watched_marks
from blackboard.board.watches.measurements.stimuli import is_stimulus
from blackboard.clock import Instant
from blackboard.core.marks.fading_marks import FadingMark
from blackboard.store.row_types.mark_row_types import MarkRow
from blackboard.store.row_types.watch_row_types import CrossingKey, WatchStateRow
from blackboard.store.statements import CROSSINGS, MARKS


def get(txn: BoardTransaction, key: CrossingKey) -> WatchStateRow | None:
    """Return a state; None if there is no row."""
    return txn.sql.one(CROSSINGS.get_watch_state, **key._asdict())


def states_of_scope(txn: BoardTransaction, watch: RegisteredWatch, scope: str) -> list[WatchStateRow]:
    """Return the states of a watch for a scope and its marks."""
    return txn.sql.all(CROSSINGS.states_of_scope, watch_id=watch.id, scope=scope)


def put(txn: BoardTransaction, state: WatchStateRow) -> None:
    """Write a state whose next instant stays the same."""
    txn.sql.run(CROSSINGS.set_watch_state, **state._asdict())


def put_and_predict(txn: BoardTransaction, state: WatchStateRow, next_at: Instant | None) -> None:
    """Write a state and the next instant when time alone changes it. If this is None, delete the former instant."""
    put(txn, state)
    if next_at is None:
        txn.sql.run(CROSSINGS.delete_predicted_crossing, **state.key._asdict())
    else:
        txn.sql.run(CROSSINGS.set_predicted_crossing, **state.key._asdict(), due_at=next_at)


def delete(txn: BoardTransaction, key: CrossingKey) -> None:
    """Delete a state and its predicted crossing."""
    txn.sql.run(CROSSINGS.delete_watch_state, **key._asdict())
    txn.sql.run(CROSSINGS.delete_predicted_crossing, **key._asdict())


def delete_of_watch(txn: BoardTransaction, watch_id: int) -> None:
    """Delete all states of a watch and their predicted crossings."""
    txn.sql.run(CROSSINGS.delete_states_of_watch, watch_id=watch_id)
    txn.sql.run(CROSSINGS.delete_predicted_of_watch, watch_id=watch_id)


def begin_test(txn: BoardTransaction, key: CrossingKey) -> bool:
    """Return whether a state has yet to be tested after a change of the deployment, and record its test."""
    return bool(txn.sql.run_and_count(CROSSINGS.insert_followed, **key._asdict()))


def admits_news(txn: BoardTransaction, watch: RegisteredWatch, key: CrossingKey, crossed_at: Instant) -> bool:
    """Return whether unabsorbed marks that meet the condition of a rising watch make it cross.

    Every watch without a timing crosses. A watch with a timing crosses for news only in an episode in which it has
    already crossed. A watch with `clear_below` never crosses for news.
    """
    timing = watch.timing
    if timing is None:
        return True
    state = get(txn, key)
    if timing.clear is not None or state is None or state.began_at is None or state.crossed_at is None:
        return False
    # After a dropped crossing, `episode_crossings` lets the watch cross again.
    return not state.dropped and crossed_at >= state.began_at + timing.held_for


def record_crossing(txn: BoardTransaction, key: CrossingKey, crossed_at: Instant) -> None:
    """Record that a watch crossed within an episode: the next rewake counts from this crossing."""
    if (state := get(txn, key)) is not None and state.crossed_at is not None:
        put(txn, state._replace(crossed_at=max(crossed_at, state.crossed_at)))


def rows_behind(txn: BoardTransaction, watch: RegisteredWatch, key: CrossingKey) -> list[MarkRow]:
    """Return the stored marks over which a watch over time is judged, also evaporated and absorbed marks."""
    if key.mark_id:
        rows = txn.sql.all(MARKS.get_mark, id=key.mark_id)
    else:
        rows = stored_marks(txn, watch.condition.kinds_of_marks, key.scope)
    return [row for row in rows if is_counted_unabsorbed(txn, watch, row)]


def measured_marks(
    txn: BoardTransaction, watch: RegisteredWatch, key: CrossingKey, at: Instant | None = None, *, whole: bool = False
) -> list[FadingMark]:
    """Return the marks and deposits over which a watch over time is judged from an instant on (default: now).

    Of the deposits in its windows, return all if `whole`; if not, as many as a decision needs.
    """
    marks = [fading_mark(txn, row) for row in rows_behind(txn, watch, key)]
    if watch.condition.has_window:
        clear = None if watch.timing is None else watch.timing.clear
        reading = WindowReading(
            txn.now if at is None else at,
            key.scope,
            ignored=watch.ignored_in_windows,
            is_whole=whole,
            reaching=clear or 0.0,
        )
        marks += deposits_in_windows(txn, watch.condition, reading)
    return marks


def is_counted_unabsorbed(txn: BoardTransaction, watch: RegisteredWatch, row: MarkRow) -> bool:
    """Return whether a mark counts for a watch if nothing was absorbed.

    A rising watch does not count the marks that only its own agent deposited. A falling watch does.
    """
    return watched_marks.is_counted(txn, watch, row) if watch.condition.is_falling else is_stimulus(txn, watch, row, 0)
