"""Contact addresses of people: one spelling of each email address and telephone number.

The sender of a form chooses its text. So each repetition in a pattern has a bound, which limits the time of a
match.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["fold_address"]

_MAX_ADDRESS_CHARACTERS = 512
"""The largest number of characters of an address: a board takes no longer subject."""
_EMAIL = re.compile(
    r"(?:mailto:|e-?mail:)?\s?([^@\s<>,;:?]{1,64})@([^@\s<>,;:?()]{1,255})(?:\?\S{0,300})?(?:\s?\([^()]{0,40}\))?",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"[^<>]{0,200}<([^<>]{1,330})>")
_PHONE = re.compile(
    r"(?:(?:tel|telefon|phone|p|mobile?|mobil|cell|fax|whatsapp|sms|t|m)[.:]{1,2})?\s?"
    r"(\+?[\d\s()./\u00a0\u2010-\u2015-]{5,40}?)"
    r"(?:\s?(?:;?ext[.=]?|x|durchwahl|#)\s?(\d{1,6}))?(?:\s?\([^()\d]{0,40}\))?",
    re.IGNORECASE,
)
_AROUND = " \t\"'\u2018\u2019\u201c\u201d`,;"
_IP_ADDRESS = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)")
_TRUNK_ZERO = re.compile(r"(\+\d[\d\s]{0,4})\(0\)")


def fold_address(text: str) -> str:
    """Return the same text for all spellings of one person's address.

    Email addresses are the same if they differ only in case, a trailing dot or the form of an international domain.
    Telephone numbers are the same if they differ only in spaces, brackets and other signs, or in `00` for `+`.
    Invisible characters, quotes around an address, and words such as `mailto:` and `Tel.` are left out. No country is
    added to a number.
    """
    if len(text) > _MAX_ADDRESS_CHARACTERS:
        return text  # the board refuses a text of this length
    visible = (letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")
    plain = " ".join("".join(map(_plain_digit, visible)).split())
    if (inner := _IN_BRACKETS.fullmatch(plain)) is not None and "@" in inner[1]:
        plain = inner[1].strip()
    bare = plain.strip(_AROUND)
    if (email := _EMAIL.fullmatch(bare)) is not None:
        return f"{email[1].lower()}@{_fold_domain(email[2])}"
    if (phone := _PHONE.fullmatch(bare)) is not None and not _is_date(bare) and not _IP_ADDRESS.fullmatch(bare):
        number = _TRUNK_ZERO.sub(r"\1", phone[1])
        digits = re.sub(r"\D", "", number)
        if number.lstrip().startswith("+"):
            digits = f"+{digits}"
        elif digits.startswith("00"):
            digits = f"+{digits[2:]}"
        if len(digits) >= 6:
            return digits + (f"x{phone[2]}" if phone[2] else "")
    return plain if plain else text


def _plain_digit(letter: str) -> str:
    """Return a digit of any script as an ASCII digit, and any other character unchanged."""
    return str(unicodedata.decimal(letter)) if letter.isdecimal() else letter


def _fold_domain(domain: str) -> str:
    domain = domain.lower().replace("\u3002", ".").rstrip(".")
    try:
        return domain.encode("ascii").decode("idna") if "xn--" in domain else domain
    except UnicodeError:
        return domain


def _is_date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4}", text) is not None
