"""The decay laws that marks refer to, parsed once in a process."""

from __future__ import annotations

import hashlib
import json
from typing import NamedTuple

from blackboard.core.marks.decay import Decay, law_from
from blackboard.store.statements import MARKS
from blackboard.store.transaction import Transaction


class LawOfKind(NamedTuple):
    """A kind of marks and the law by which some of its marks fade. The board keeps sums for each such pair."""

    kind: str
    law: str
    """The key of the law."""


MAX_CACHED_LAWS = 10_000
_KEPT_KEY = "stored_laws.law_key"
"""The attribute of a law with its key. No field has such a name."""


class StoredLaws:
    """The laws of a board, cached by the key that marks store. A key always means the same law."""

    def __init__(self) -> None:
        self._cached: dict[str, Decay] = {}

    def get(self, transaction: Transaction, key: str) -> Decay:
        """Return the law with a key."""
        if (law := self._cached.get(key)) is None:
            law = law_from(transaction.value(MARKS.get_law_spec, law=key))
            # Each deposit may bring its own law, such as a step to an instant, so the cache needs a bound.
            if len(self._cached) >= MAX_CACHED_LAWS:
                self._cached.clear()
            self._cached[key] = law
        return law

    def register(self, transaction: Transaction, law: Decay) -> str:
        """Register a law if it is new, and return its key."""
        key = law_key(law)
        if transaction.one(MARKS.find_law, law=key) is None:
            length, shape = law.parameters
            spec = json.dumps(law.spec())
            transaction.run(MARKS.insert_law, law=key, name=law.name, length=length, shape=shape, spec=spec)
            if law.segments:
                rows = [{"law": key, "age": age, "share": share, "slope": slope} for age, share, slope in law.segments]
                transaction.run_many(MARKS.insert_law_segment, rows)
        return key


def law_key(law: Decay) -> str:
    """Return the key of a law, which its marks store: a readable text that is short even for a curve of many points.

    A law never changes, so it keeps its key.
    """
    kept: str | None = law.__dict__.get(_KEPT_KEY)
    if kept is None:
        text = str(law)
        kept = text if len(text) <= 80 else f"{law.name}(#{hashlib.sha256(text.encode()).hexdigest()[:16]})"
        law.__dict__[_KEPT_KEY] = kept
    return kept
