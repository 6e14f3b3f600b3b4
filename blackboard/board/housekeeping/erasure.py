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

from blackboard.board.activations import activation_erasure
from blackboard.board.board_session import BoardSession
from blackboard.board.housekeeping import file_compaction
from blackboard.board.housekeeping.forgotten_subjects import NAME_PREFIX
from blackboard.board.mark_deposits import mark_erasure
from blackboard.board.mark_deposits.author_checks import check_signature
from blackboard.board.mark_tables import subject_groups
from blackboard.board.outbox import message_rows
from blackboard.board.result_types import BackupMention, ErasureReport
from blackboard.board.search_index import search_documents
from blackboard.board.transactions import activity_log
from blackboard.board.transactions.board_transaction import BoardTransaction
from blackboard.board.watches import watch_erasure
from blackboard.core.marks.mark_model import normalize_subject
from blackboard.core.marks.scopes import Group
from blackboard.core.records.event_kinds import ActivityEvent
from blackboard.errors import InvalidMark, NotFound, StoreError
from blackboard.store.like_patterns import containing
from blackboard.store.statements import ERASURE

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
    groups = subject_groups.groups_of(txn, subject)
    live = mark_erasure.remove_marks(txn, subject, author)
    search_documents.erase_subject(txn, subject)
    patterns = _patterns(subject)
    work = activation_erasure.erase(txn, subject, patterns)
    message_rows.erase(txn, work.activation_ids, patterns)
    watch_erasure.erase_windows(txn, subject)
    named_in = mark_erasure.marks_naming(txn, subject, patterns)
    name = f"{NAME_PREFIX}{secrets.token_hex(8)}"
    _rename(txn, subject, groups, name)
    activity_log.note(txn, ActivityEvent.FORGET, subject=name, author=author)
    return ErasureReport(name, live, events, len(work.activation_ids), tuple(work.call_ids), tuple(named_in))


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
        if not subject_groups.has_marks(txn, group):
            _erase_scope(txn, group.scope, Group(group.tag, json.dumps(name)).scope)
    mark_erasure.erase_events(txn, subject, name)


def _erase_scope(txn: BoardTransaction, scope: str, new_scope: str) -> None:
    """Replace a subject or a group in crossings, activations and the activity; delete all other rows about it."""
    watch_erasure.erase_scope(txn, scope, new_scope)
    message_rows.erase_scope(txn, scope)
    activation_erasure.rename_scope(txn, scope, new_scope)
    activity_log.rename_scope(txn, scope, new_scope)


def _patterns(subject: str) -> set[str]:
    """Return the LIKE patterns that find a subject in texts: in both forms of Unicode, and as JSON writes them."""
    forms = {subject, unicodedata.normalize("NFD", subject)}
    texts = {json.dumps(form, ensure_ascii=escaped)[1:-1] for form in forms for escaped in (True, False)} | forms
    return set(map(containing, texts))
