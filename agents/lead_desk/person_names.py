"""One spelling for the address of a person: an email address, a telephone number, or any other text."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["fold_person"]

_MAX_LENGTH = 512
"""The longest subject that a board takes."""
_EMAIL = re.compile(r"(?:mailto:)?\s?([^@\s<>]{1,64})@([^@\s<>]{1,255})", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"[^<>]{0,200}<([^<>]{1,330})>")
_PHONE = re.compile(
    r"(?:tel:|p:)?\s?(\+?[\d\s()./\u00a0\u2010-\u2015-]{5,40}?)"
    r"(?:\s?(?:ext\.?|x|durchwahl|#)\s?(\d{1,6}))?",
    re.IGNORECASE,
)
_TRUNK_ZERO = re.compile(r"(\+\d[\d\s]{0,4})\(0\)")


def fold_person(text: str) -> str:
    """Return the same text for all spellings of one person's address.

    Case, a trailing dot and the form of an international domain do not tell email addresses apart. Spaces, brackets and
    other signs, and `00` for `+`, do not tell telephone numbers apart. A number without a country stays without one.
    """
    if len(text) > _MAX_LENGTH:
        return text  # the board refuses it
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    if (inner := _IN_BRACKETS.fullmatch(plain)) is not None and "@" in inner[1]:
        plain = inner[1].strip()
    if (email := _EMAIL.fullmatch(plain)) is not None:
        return f"{email[1].casefold()}@{_fold_domain(email[2])}"
    if (phone := _PHONE.fullmatch(plain)) is not None and not _is_date(plain):
        number = _TRUNK_ZERO.sub(r"\1", phone[1])
        digits = re.sub(r"\D", "", number)
        if number.lstrip().startswith("+"):
            digits = f"+{digits}"
        elif digits.startswith("00"):
            digits = f"+{digits[2:]}"
        if len(digits) >= 6:
            return digits + (f"x{phone[2]}" if phone[2] else "")
    return plain if plain else text


def _fold_domain(domain: str) -> str:
    domain = domain.casefold().rstrip(".")
    try:
        return domain.encode("ascii").decode("idna") if "xn--" in domain else domain
    except UnicodeError:
        return domain


def _is_date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4}", text) is not None
