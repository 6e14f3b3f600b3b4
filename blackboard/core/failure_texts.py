"""Texts of failures: the class of an error, and the part of a text that may quote a payload.

An activation, a model call and the pause of a model store the reason of a failure as a text for people. Two readers
need more than its words. A deployment retries the activations that died of a certain class of error. An erasure of
personal text, and a daemon that prints into a log, need to know whether a text may quote a payload or a provider. So
such texts are written here and read here.
"""

from __future__ import annotations

import re
from typing import Final

_SEPARATOR: Final = ": "
"""The separator between the class of an error, or what the board itself says, and words that may quote a payload."""

_BUDGET_FIGURES: Final = re.compile(
    r"(agents\.[^\s:]+\.)?budget\.(usd|calls)_per_[a-z]+ = [0-9.e+-]+: [0-9.e+-]+ used"
    r"(, and this call may need [0-9.e+-]+)?; (raise the limit|it waits until [0-9TZ:.+-]+)"
)
"""The whole text of an exceeded budget: it has only names of settings, figures and an instant."""


def error_text(error: BaseException) -> str:
    """Return the text of an error: its class, and its message, which may quote a payload."""
    return with_quotation(type(error).__name__, str(error))


def is_error_text(text: str | None, error_class: type[BaseException]) -> bool:
    """Return whether `error_text` wrote a text for an error of exactly this class."""
    return text is not None and text.startswith(with_quotation(error_class.__name__, ""))


def with_quotation(statement: str, quotation: str) -> str:
    """Return what the board itself says, followed by words that may quote a payload or a provider."""
    return f"{statement}{_SEPARATOR}{quotation}"


def without_quotation(text: str) -> str:
    """Return the part of a text of the board that quotes nobody; all of it if it quotes nobody."""
    return text if _BUDGET_FIGURES.fullmatch(text) else text.partition(_SEPARATOR)[0]


def may_quote(text: str | None) -> bool:
    """Return whether a text that the board wrote may quote a payload or a provider.

    The board does not know what the text of a remote worker quotes.
    """
    return text is not None and _SEPARATOR in text and not _BUDGET_FIGURES.fullmatch(text)


def budget_text(limit_name: str, limit: str, used: str, needed: str | None = None, until: str | None = None) -> str:
    """Return the text of a budget that has no room for a call.

    Args:
        limit_name: The name of the setting, with its section.
        limit: The limit, in the unit of the setting.
        used: The amount that calls have used.
        needed: The amount that the call may need; None if no call is meant.
        until: The instant when there is room again; None if only a higher limit makes room.
    """
    need = "" if needed is None else f", and this call may need {needed}"
    remedy = "raise the limit" if until is None else f"it waits until {until}"
    return with_quotation(f"{limit_name} = {limit}", f"{used} used{need}; {remedy}")
