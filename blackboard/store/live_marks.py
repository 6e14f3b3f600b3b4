"""The statements that compute strengths. Their texts contain the formula of each decay law."""

from __future__ import annotations

import re
from collections.abc import Iterable

from blackboard.core import decay
from blackboard.store.query_rows import LiveMark
from blackboard.store.statement_file import Statement
from blackboard.store.statements import MARKS

_POWER = re.compile(r"\bpower\(([^()]*)\)")
"""A power in the formula of a law. The fragment `power` computes it without an error on every database."""


def live_marks(*filters: str) -> Statement[LiveMark]:
    """Return the statement for the live marks, strongest first, with some of its optional parts."""
    return MARKS.live_marks.using(*filters, share=share_of([*decay.LAWS.values()]))


def live_marks_in_order() -> Statement[LiveMark]:
    """Return the statement for the strongest marks of a kind under a law whose order never changes."""
    return MARKS.live_marks_in_order.using(share=share_of([*decay.LAWS.values()]))


def share_of(laws: Iterable[type[decay.Decay]]) -> str:
    """Return the fragment `share`: the share of a mark's intensity that remains, under any of the laws.

    The laws of the process are given as a copy, because another thread may be defining one.
    """
    shares = {law.name: law.share_sql("{law}", "{age}", "{a}", "{b}") for law in laws}
    shares = {name: _POWER.sub(r"{power(\1)}", share) for name, share in shares.items()}
    cases = (f"WHEN {{name}} = '{name}' THEN {share}" for name, share in shares.items())
    return f"CASE {' '.join(cases)} END"
