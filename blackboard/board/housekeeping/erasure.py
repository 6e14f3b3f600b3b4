"""Erasure of everything about one subject.

Ids, instants, kinds, intensities, activations and costs stay. A random name, which cannot be traced back, replaces the
subject. Erasure is not part of the ordinary life of a mark: evaporated and withdrawn marks keep their history.
"""

from __future__ import annotations

import json
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from blackboard.board.activation_tables.activation_rows import get_activation
from blackboard.board.activations.call_handling import model_pauses
from blackboard.board.activations.call_records import model_calls
from blackboard.board.activations.run_ends import activation_results
from blackboard.board.board_session import BoardSession
from blackboard.board.housekeeping import file_compaction
from blackboard.board.housekeeping.forgotten_subjects import NAME_PREFIX
from blackboard.board.mark_changes import mark_removals
from blackboard.board.mark_deposits.author_checks import check_signature
from blackboard.board.mark_sets.scope_marks import stored_marks
from blackboard.board.open_needs import need_rows
from blackboard.board.result_types import BackupMention, ErasureReport
from blackboard.board.search_index import search_documents
from blackboard.board.transactions import activity_log
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.transactions.mark_states import tags_of
from blackboard.board.watches.measurements import window_totals
from blackboard.board.watches.measurements.collected_sums import CollectedSums
from blackboard.clock import LAST_INSTANT
from blackboard.core.marks.mark_model import normalize_subject
from blackboard.core.marks.measure_scopes import Group
from blackboard.core.records.activity_kinds import ActivityEvent
from blackboard.core.records.states import ActivationState
from blackboard.errors import InvalidMark, NotFound, StoreError
from blackboard.store.rows import ActivationRow
from blackboard.store.statements import ACTIVATIONS, ERASURE, MARKS, OUTBOX, SEARCH, WINDOWS

QUOTE_SEPARATOR = ": "
"""The separator in an error before words that it may quote."""
ERASED = "(erased)"
"""The text that replaces an erased error."""

ANY_DEPOSIT: dict[str, object] = {"after": 0, "ignored": "", "up_to": LAST_INSTANT, "limit": 1}
"""Values that make a query of a window find one deposit, whenever it occurred."""

OUT_OF_REACH = (
    "copies and backups that this program did not make, or that were moved",
    "logs, mail and messages",
    "files that were written from the board or for it, such as exports, rejected rows and the input of 'load'",
    "the records of a model's provider",
    "parts of the disk, or rows of a database server, that were freed and not yet overwritten",
)
"""Other places that may contain words of an erased subject and that the program cannot change."""


def erase_and_compact(session: BoardSession, subject: str, author: str) -> ErasureReport:
    """Erase everything about a subject, compact the file, and report what remains; see `Blackboard.forget`."""
    # imported late, because the package for logs is slow to import
    from blackboard.board.activations.call_records import answer_spool

    subject = normalize_subject(subject)
    try:
        report = session.write(lambda txn: erase(txn, subject, author))
    except NotFound:
        if session.read(file_compaction.due_since) is None:
            raise
        report = ErasureReport("", 0, 0, 0, (), ())
    answer_spool.delete(session.database, report.calls)
    not_compacted = _compact_after_erasure(session)
    upkeep = session.database.upkeep
    mentions = (BackupMention(copy, upkeep.count_events(copy, subject)) for copy in upkeep.known_copies())
    backups = tuple(mention for mention in mentions if mention.events != 0)
    return replace(report, backups=backups, out_of_reach=OUT_OF_REACH, not_compacted=not_compacted)


def _compact_after_erasure(session: BoardSession) -> str | None:
    """Compact the file; return the reason if that is not possible now, otherwise None."""
    if not session.database.dialect.keeps_deleted:
        return None
    try:
        session.database.upkeep.empty_log()  # so that the words are gone even if the rest fails
        return None if file_compaction.compact(session) else file_compaction.LOG_IN_USE
    except StoreError as error:
        return str(error)


def erase(txn: BoardTransaction, subject: str, author: str) -> ErasureReport:
    """Erase everything about a subject; `author` signs the withdrawals.

    Raises:
        NotFound: No mark of the subject was ever deposited.
        InvalidMark: The subject is the random name of a forgotten subject.
        InvalidAuthor: The author is an agent.
    """
    check_signature(txn, author)
    events = _count_erasable(txn, subject)
    if (content := txn.sql.deleted_content) is not None:
        content.overwrite()
        # Older versions wrote the file without overwriting: copies of the words may be in unused parts of it.
        txn.sql.run(ERASURE.owe_compaction, at=txn.now)
    groups = _groups_of(txn, subject)
    live = _clear(txn, subject, author)
    _erase_texts(txn, subject)
    activations = txn.sql.all(ERASURE.activations_of_subject, subject=subject)
    _erase_activations(txn, activations)
    patterns = _patterns(subject)
    _erase_messages(txn, activations, patterns)
    calls = _calls_of(txn, activations, patterns)
    _erase_calls(txn, calls)
    for statement in (
        ERASURE.delete_keys,
        WINDOWS.delete_window_tags_of_subject,
        WINDOWS.delete_window_events_of_subject,
    ):
        txn.sql.run(statement, subject=subject)
    window_totals.delete_all(txn)
    named_in = {
        mark_id
        for pattern in patterns
        for mark_id in txn.sql.all(ERASURE.marks_naming, pattern=pattern, subject=subject)
    }
    name = f"{NAME_PREFIX}{secrets.token_hex(8)}"
    _rename(txn, subject, groups, name)
    activity_log.note(txn, ActivityEvent.FORGET, subject=name, author=author)
    return ErasureReport(name, live, events, len(activations), tuple(calls), tuple(sorted(named_in)))


def _count_erasable(txn: BoardTransaction, subject: str) -> int:
    """Return the number of events about a subject, at least 1.

    Raises:
        NotFound: No mark was ever deposited about the subject.
        InvalidMark: The subject is the random name of a forgotten subject.
    """
    if subject.startswith(NAME_PREFIX):
        raise InvalidMark(f"{subject} is already forgotten")
    events = txn.sql.value(ERASURE.count_events, subject=subject)
    if not events:
        raise NotFound(f"no mark was ever deposited about {subject!r}; 'blackboard marks' shows the subjects")
    return events


def _rename(txn: BoardTransaction, subject: str, groups: Iterable[Group], name: str) -> None:
    """Put a random name in the place of a subject, and of its groups that have marks of no other subject."""
    _erase_scope(txn, subject, name)
    for group in groups:
        if not _has_others(txn, group):
            _erase_scope(txn, group.scope, Group(group.tag, json.dumps(name)).scope)
    txn.sql.run(ERASURE.erase_events, subject=subject, new_name=name)
    if (partitions := txn.sql.partitions) is not None:
        partitions.erase_copied(subject, name)


def _erase_texts(txn: BoardTransaction, subject: str) -> None:
    """Remove the texts of a subject from the full-text index. Parts of it may have former texts, even of live marks."""
    txn.collected(search_documents.CollectedTexts).write(txn)
    if kinds := search_documents.kinds(txn.sql):
        marks = dict.fromkeys(
            (event.kind, event.mark_id) for event in txn.sql.all(MARKS.events_of_subject, subject=subject)
        )
        search_documents.erase(txn, [(kind, mark_id, None) for kind, mark_id in marks if kind in kinds])
        txn.sql.run(SEARCH.owe_purge, at=txn.now)


def _groups_of(txn: BoardTransaction, subject: str) -> list[Group]:
    """Return the groups that marks of a subject ever belonged to, by the tags that their kinds have now."""
    groups: dict[Group, None] = {}
    for event in txn.sql.all(MARKS.events_of_subject, subject=subject):
        if event.payload is None or event.kind not in txn.deployment.kinds:
            continue
        if (tags := tags_of(txn, event.kind, event.payload)) is not None:
            groups |= {group: None for tag in tags.schema.names if (group := tags.group(tag)) is not None}
    return list(groups)


def _has_others(txn: BoardTransaction, group: Group) -> bool:
    """Return whether a group has marks, or deposits in windows, of other subjects than the erased one."""
    kinds = [name for name, spec in txn.deployment.kinds.items() if group.tag in spec.tags]
    return bool(stored_marks(txn, kinds, group.scope)) or any(
        txn.sql.one(WINDOWS.window_of_group, kind=kind, tag=group.tag, key=group.key, **ANY_DEPOSIT) for kind in kinds
    )


def _erase_scope(txn: BoardTransaction, scope: str, new_scope: str) -> None:
    """Replace a subject or a group in crossings and activations, and delete all other rows about it."""
    for statement in (
        ERASURE.delete_cooldowns,
        ERASURE.delete_predicted,
        ERASURE.delete_watch_states,
        ERASURE.delete_followed_watches,
        ERASURE.delete_totals,
        OUTBOX.delete_messages_about,
    ):
        txn.sql.run(statement, scope=scope)
    txn.sql.run(ERASURE.close_crossings, scope=scope, at=txn.now)
    txn.collected(activity_log.CollectedActivity).write(txn)  # so that the entries of this transaction are renamed, too
    for statement in (ERASURE.rename_crossings, ERASURE.rename_activations, ERASURE.rename_activity):
        txn.sql.run(statement, scope=scope, new_scope=new_scope)
    txn.collected(CollectedSums).drop(lambda _, its_scope: its_scope == scope)


def _erase_activations(txn: BoardTransaction, activations: Sequence[ActivationRow]) -> None:
    """Erase the errors of activations, with their copies, and end the activations that run."""
    for row in activations:
        if row.state == ActivationState.RUNNING:  # its agent holds the marks in memory: its result must not be applied
            activation_results.hand_back(txn, row)
        txn.sql.run(ERASURE.erase_error, id=row.id, error=None if row.error is None else ERASED)
    for row in activations:
        _erase_copies(txn, row.error, row.agent)
        _erase_errors_of_other_parts(txn, row)


def _erase_messages(txn: BoardTransaction, activations: Sequence[ActivationRow], patterns: Iterable[str]) -> None:
    """Delete the messages to people outside about activations, and the messages that name the subject, sent or not."""
    for row in activations:
        txn.sql.run(OUTBOX.delete_messages_of_activation, id=row.id)
    for pattern in patterns:
        txn.sql.run(OUTBOX.delete_messages_naming, pattern=pattern)


def _calls_of(txn: BoardTransaction, activations: Iterable[ActivationRow], patterns: Iterable[str]) -> list[int]:
    """Return the ids of the model calls about activations, and of all calls whose texts name the subject."""
    calls = {call for row in activations for call in _calls_about(txn, row)}
    calls |= {call for pattern in patterns for call in txn.sql.all(ERASURE.calls_naming, pattern=pattern)}
    return sorted(calls)


def _erase_calls(txn: BoardTransaction, calls: Sequence[int]) -> None:
    """Erase model calls, and the copies of their errors, which are found by the errors that the calls still have."""
    for call_id in calls:
        _erase_copies(txn, model_calls.get(txn, call_id).error)
    for call_id in calls:
        txn.sql.run(ERASURE.erase_call, id=call_id)


def _clear(txn: BoardTransaction, subject: str, author: str) -> int:
    """Remove every mark of the subject from the board, and return how many were live."""
    live = 0
    # Withdrawing a need also withdraws its mark `overdue`, so that mark is removed first.
    for row in sorted(txn.sql.all(ERASURE.marks_to_erase, subject=subject), key=need_rows.is_need):
        if not row.is_live(txn.now):
            mark_removals.evaporate(txn, row)
        else:
            mark_removals.withdraw(txn, row.id, author)
            live += 1
    return live


def _calls_about(txn: BoardTransaction, row: ActivationRow) -> Iterator[int]:
    """Yield the calls of an activation, and the calls of its batch from before its marks were split off."""
    part: ActivationRow | None = row
    up_to = None
    while part is not None:
        for call_id in txn.sql.all(ERASURE.call_ids_of_activation, activation_id=part.id):
            if up_to is None or call_id <= up_to:
                yield call_id
        up_to = part.split_after_call
        part = None if part.split_from is None else get_activation(txn, part.split_from)


def _erase_errors_of_other_parts(txn: BoardTransaction, row: ActivationRow) -> None:
    """Erase the errors of waiting parts of the same batch: each may be the error of the whole batch."""
    batch = row.split_from
    while batch is not None and (whole := get_activation(txn, batch)) is not None:
        for part in (whole, *txn.sql.all(ACTIVATIONS.split_from, id=batch)):
            if part.state in (ActivationState.READY, ActivationState.HELD) and QUOTE_SEPARATOR in (part.error or ""):
                txn.sql.run(ERASURE.erase_error, id=part.id, error=ERASED)
        batch = whole.split_from


def _erase_copies(txn: BoardTransaction, error: str | None, agent: str | None = None) -> None:
    """Erase an error that may quote marks wherever it was copied: in other activations, and in pauses.

    Copies of the error are in the other half of a failed batch, and in the activations that wait for a model that
    refused a call.
    """
    if error is None or QUOTE_SEPARATOR not in error:
        return
    pattern = f"%{_escaped(error)}%"
    txn.sql.run(ERASURE.erase_pause, error=error, pattern=pattern, erased=model_pauses.FORGOTTEN)
    txn.sql.run(ERASURE.erase_error_copies, pattern=pattern, agent=agent, erased=ERASED)


def _escaped(text: str) -> str:
    for sign in ("\\", "%", "_"):
        text = text.replace(sign, "\\" + sign)
    return text


def _patterns(subject: str) -> set[str]:
    """Return the LIKE patterns that find a subject in texts: in both forms of Unicode, and as JSON writes them."""
    forms = {subject, unicodedata.normalize("NFD", subject)}
    texts = {json.dumps(form, ensure_ascii=escaped)[1:-1] for form in forms for escaped in (True, False)} | forms
    texts = {_escaped(text) for text in texts}
    return {f"%{text}%" for text in texts}
