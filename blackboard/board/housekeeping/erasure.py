"""Erasure of everything about one subject.

Ids, instants, kinds, intensities, activations and costs stay. A random name, which cannot be traced back, replaces the
subject. Erasure is not part of the ordinary life of a mark: evaporated and withdrawn marks keep their history.
"""

from __future__ import annotations

import json
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import replace

from blackboard.board import activity_log, open_needs
from blackboard.board.board_session import BoardSession
from blackboard.board.housekeeping import activation_erasure, board_compaction
from blackboard.board.housekeeping.erased_events import NAME_PREFIX
from blackboard.board.mark_changes import mark_removals
from blackboard.board.mark_changes.deposit_checks import check_signature
from blackboard.board.mark_tables.mark_states import tags_of
from blackboard.board.mark_tables.marks_in_scopes import stored_marks
from blackboard.board.outbox import message_rows
from blackboard.board.result_types.administration_results import BackupMention, ErasureReport
from blackboard.board.search_index import search_documents
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches.measurements import window_totals
from blackboard.board.watches.measurements.collected_sums import CollectedSums
from blackboard.clock import LAST_INSTANT
from blackboard.core.marks.mark_checks import normalize_subject
from blackboard.core.marks.scopes import Group
from blackboard.core.records.event_kinds import ActivityEvent
from blackboard.errors import InvalidMark, NotFound, StoreError
from blackboard.store.statements import ERASURE, MARKS, WINDOWS
from blackboard.store.tag_and_text_filters import containing_pattern

OUT_OF_REACH = (
    "copies and backups that this program did not make, or that were moved",
    "logs, mail and messages",
    "files that were written from the board or for it, such as exports, rejected rows and the input of 'load'",
    "the records of a model's provider",
    "parts of the disk, or rows of a database server, that were freed and not yet overwritten",
)
"""Other places that may contain words of an erased subject and that the program cannot change."""
_ANY_DEPOSIT: dict[str, object] = {"after": 0, "ignored": "", "up_to": LAST_INSTANT, "limit": 1}
"""Values that make a query of a window find one deposit, whenever it occurred."""


def erase_and_compact(session: BoardSession, subject: str, author: str) -> ErasureReport:
    """Erase everything about a subject, compact the file, and report what remains; see `Blackboard.forget`."""
    # imported late, because the package for logs is slow to import
    from blackboard.board.activations.call_records import answer_spool

    subject = normalize_subject(subject)
    try:
        report = session.write(lambda txn: erase(txn, subject, author))
    except NotFound:
        if session.read(board_compaction.compaction_owed_since) is None:
            raise
        report = ErasureReport(name="", live=0, events=0, activations=0, calls=(), named_in=())
    answer_spool.delete_files(session.database, report.calls)
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
        return None if board_compaction.compact(session) else board_compaction.LOG_IN_USE
    except StoreError as error:
        return str(error)


def erase(txn: BoardTransaction, subject: str, author: str) -> ErasureReport:
    """Erase everything about a subject; `author` signs the withdrawals.

    Raises:
        NotFound: No mark of the subject was ever deposited.
        InvalidMark: The subject is the random name of a forgotten subject.
        InvalidAuthor: The author has the name of an agent, or a name that looks like one.
    """
    check_signature(txn, author)
    events = _count_erasable(txn, subject)
    if (content := txn.sql.deleted_content) is not None:
        content.overwrite()
        # Older versions wrote the file without overwriting: copies of the words may be in unused parts of it.
        txn.sql.run(ERASURE.owe_compaction, at=txn.now)
    groups = _groups_of(txn, subject)
    live = _remove_marks(txn, subject, author)
    search_documents.erase_subject(txn, subject)
    patterns = _patterns(subject)
    work = activation_erasure.erase(txn, subject, patterns)
    message_rows.erase(txn, work.activation_ids, patterns)
    _erase_windows(txn, subject)
    named_in = _marks_naming(txn, subject, patterns)
    name = f"{NAME_PREFIX}{secrets.token_hex(8)}"
    _rename(txn, subject, groups, name)
    activity_log.record(txn, ActivityEvent.FORGET, scope=name, author=author)
    return ErasureReport(
        name=name,
        live=live,
        events=events,
        activations=len(work.activation_ids),
        calls=tuple(work.call_ids),
        named_in=tuple(named_in),
    )


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
        raise NotFound(f"the history has no event about {subject!r}; 'blackboard marks' shows the subjects")
    return events


def _rename(txn: BoardTransaction, subject: str, groups: Iterable[Group], name: str) -> None:
    """Put a random name in the place of a subject, and of its groups that have marks of no other subject."""
    _erase_scope(txn, subject, name)
    for group in groups:
        if not _has_marks(txn, group):
            _erase_scope(txn, group.scope, Group(group.tag, json.dumps(name)).scope)
    _erase_events(txn, subject, name)


def _erase_scope(txn: BoardTransaction, scope: str, new_scope: str) -> None:
    """Replace a subject or a group in crossings, activations and the activity; delete all other rows about it."""
    _erase_watches_of(txn, scope, new_scope)
    message_rows.erase_scope(txn, scope)
    activation_erasure.rename_scope(txn, scope, new_scope)
    activity_log.rename_scope(txn, scope, new_scope)


def _patterns(subject: str) -> set[str]:
    """Return the LIKE patterns that find a subject in texts: in both forms of Unicode, and as JSON writes them."""
    forms = {subject, unicodedata.normalize("NFD", subject)}
    texts = {json.dumps(form, ensure_ascii=escaped)[1:-1] for form in forms for escaped in (True, False)} | forms
    return set(map(containing_pattern, texts))


def _remove_marks(txn: BoardTransaction, subject: str, author: str) -> int:
    """Remove every mark of the subject from the board, and return how many were live."""
    live = 0
    # Withdrawing a need also withdraws its mark `overdue`, so that mark is removed first.
    for row in sorted(txn.sql.all(ERASURE.marks_to_erase, subject=subject), key=open_needs.is_need):
        if not row.is_live(txn.now):
            mark_removals.evaporate(txn, row)
        else:
            mark_removals.withdraw(txn, row.id, author)
            live += 1
    return live


def _erase_events(txn: BoardTransaction, subject: str, new_name: str) -> None:
    """Erase the payloads of a subject's events and the keys of its deposits, and give the events another subject."""
    txn.sql.run(ERASURE.delete_keys, subject=subject)
    txn.sql.run(ERASURE.erase_events, subject=subject, new_name=new_name)
    if (partitions := txn.sql.partitions) is not None:
        partitions.erase_copied(subject, new_name)


def _marks_naming(txn: BoardTransaction, subject: str, patterns: Iterable[str]) -> list[int]:
    """Return the ids of the marks of other subjects whose payloads ever fitted a pattern of LIKE."""
    found = (txn.sql.all(ERASURE.marks_naming, pattern=pattern, subject=subject) for pattern in patterns)
    return sorted({mark_id for ids in found for mark_id in ids})


def _erase_watches_of(txn: BoardTransaction, scope: str, new_scope: str) -> None:
    """Withdraw and rename the crossings of a subject or a group, and delete what watches keep about it."""
    for statement in (
        ERASURE.delete_cooldowns,
        ERASURE.delete_predicted,
        ERASURE.delete_watch_states,
        ERASURE.delete_followed_watches,
        ERASURE.delete_totals,
    ):
        txn.sql.run(statement, scope=scope)
    txn.sql.run(ERASURE.close_crossings, scope=scope, at=txn.now)
    txn.sql.run(ERASURE.rename_crossings, scope=scope, new_scope=new_scope)
    txn.changes_of(CollectedSums).drop(lambda _, its_scope: its_scope == scope)


def _erase_windows(txn: BoardTransaction, subject: str) -> None:
    """Delete the deposits of a subject from the windows of conditions."""
    txn.sql.run(WINDOWS.delete_window_tags_of_subject, subject=subject)
    txn.sql.run(WINDOWS.delete_window_events_of_subject, subject=subject)
    window_totals.delete_all(txn)


def _groups_of(txn: BoardTransaction, subject: str) -> list[Group]:
    """Return the groups that marks of a subject ever belonged to, by the tags that their kinds have now."""
    groups: dict[Group, None] = {}
    for event in txn.sql.all(MARKS.events_of_subject, subject=subject):
        if event.payload is None or event.kind not in txn.deployment.kinds:
            continue
        if (tags := tags_of(txn, event.kind, event.payload)) is not None:
            groups |= {group: None for tag in tags.schema.names if (group := tags.group(tag)) is not None}
    return list(groups)


def _has_marks(txn: BoardTransaction, group: Group) -> bool:
    """Return whether a group has stored marks, or deposits in windows."""
    kinds = [name for name, spec in txn.deployment.kinds.items() if group.tag in spec.tags]
    return bool(stored_marks(txn, kinds, group.scope)) or any(
        txn.sql.one(WINDOWS.window_of_group, kind=kind, tag=group.tag, key=group.key, **_ANY_DEPOSIT) for kind in kinds
    )
