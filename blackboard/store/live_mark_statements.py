"""The statements that compute strengths. Their texts contain the formula of each decay law."""

from __future__ import annotations

import re
from functools import lru_cache

from blackboard.core.marks import decay
from blackboard.store import tag_and_text_filters
from blackboard.store.row_types.mark_row_types import LiveMark
from blackboard.store.row_types.search_row_types import MarkStrength
from blackboard.store.statement_file import Statement
from blackboard.store.statements import MARKS, SEARCH

_POWER = re.compile(r"\bpower\(([^()]*)\)")
"""A power in the formula of a law. The fragment `power` computes it without an error on every database."""


def live_marks(*filters: str, tags: int = 0) -> Statement[LiveMark]:
    """Return the statement for the live marks, strongest first, with some of its optional parts.

    It can filter the marks of a kind by a number of tags. If it also filters by a subject or a law, it begins with the
    marks of this subject or law. Otherwise it begins with the marks that have the first tag. Then it does not filter by
    the kind: with that filter, the planner would begin with all marks of the kind.
    """
    if not tags or {"subject", "law"} & {*filters}:
        return MARKS.live_marks.using(*filters, **_parts("is_also_tagged", tags))
    return MARKS.live_marks.using(*(name for name in filters if name != "kind"), **_parts("is_tagged", tags))


def live_marks_in_order(tags: int = 0) -> Statement[LiveMark]:
    """Return the statement for the strongest marks of a kind under a law that never changes their order.

    It can filter by a number of tags, and begins with the strongest marks.
    """
    return MARKS.live_marks_in_order.using(**_parts("is_also_tagged", tags))


def oldest_of_equal_marks(tags: int = 0) -> Statement[LiveMark]:
    """Return the statement for the oldest of equally strong marks of a kind under such a law."""
    return MARKS.oldest_of_equal_marks.using(**_parts("is_also_tagged", tags))


def strengths(tags: int = 0) -> Statement[MarkStrength]:
    """Return the statement for the strengths of some marks, with a filter by a number of tags."""
    return SEARCH.strengths.using(**_parts("is_also_tagged", tags))


def _parts(first: str, tags: int) -> dict[str, str]:
    """Return the texts for the fragments of a statement that vary: the share, and the filters by tags.

    `first` is the form of the first filter.
    """
    filters = tag_and_text_filters.tag_filter_text("is_also_tagged", tags, first=first)
    return {"share": share_of(tuple(decay.LAWS.values())), "filter_by_tags": filters}


@lru_cache(maxsize=8)
def share_of(laws: tuple[type[decay.Decay], ...]) -> str:
    """Return the fragment `share`: the share of a mark's intensity that remains, under any of the laws.

    The text is kept, because each read needs it and composing it takes as long as reading some marks.
    """
    shares = {law.name: law.share_sql("{law}", "{age}", "{length}", "{shape}") for law in laws}
    shares = {name: _POWER.sub(r"{power(\1)}", share) for name, share in shares.items()}
    cases = (f"WHEN {{name}} = '{name}' THEN {share}" for name, share in shares.items())
    return f"CASE {' '.join(cases)} END"
