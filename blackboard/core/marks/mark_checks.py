"""Checks of the parts of a mark and of its changes: subject, intensity, increase, and the event that it must be at."""

from __future__ import annotations

import math
import unicodedata

from blackboard.core.marks.scopes import is_group
from blackboard.core.marks.tags import is_text
from blackboard.errors import InvalidMark

MAX_SUBJECT_CHARACTERS = 512
MAX_INTENSITY = 1e12


def normalize_subject(subject: str) -> str:
    """Return a subject in the form that boards store and look up: an é is one character (NFC), however it was typed."""
    return subject if subject.isascii() else unicodedata.normalize("NFC", subject)


def check_subject(subject: str) -> str:
    """Return the subject in its stored form, after checking that it can be stored.

    Raises:
        InvalidMark: The subject is empty, over 512 characters, or not valid text.
    """
    if not isinstance(subject, str) or not subject.strip():
        raise InvalidMark("the subject is empty; name what the mark is about, such as lead/4711")
    subject = normalize_subject(subject)
    if len(subject) > MAX_SUBJECT_CHARACTERS:
        raise InvalidMark(
            f"the subject is {len(subject)} characters long; at most {MAX_SUBJECT_CHARACTERS} are allowed"
        )
    if "\x00" in subject or is_group(subject) or not (subject.isascii() or is_text(subject)):
        wrong = next((char for char in subject if char == "\x00" or not is_text(char)), subject[0])
        raise InvalidMark(f"the subject contains {wrong!r}, which is not valid text")
    return subject


def check_if_event(if_event: int, *, lowest: int = 0) -> int:
    """Return the event that a mark must be at.

    Raises:
        InvalidMark: The value is not a whole number, or too low. Only a deposit may give 0, which means that there must
            be no mark.
    """
    if isinstance(if_event, bool) or not isinstance(if_event, int) or not lowest <= if_event < 2**63:
        raise InvalidMark(f"if_event must be the event_id of a mark, at least {lowest}, not {if_event!r}")
    return if_event


def check_intensity(intensity: float) -> float:
    """Return the intensity as a float, after checking that it can be stored.

    Raises:
        InvalidMark: The value is not a number between 0 and 1e12.
    """
    if isinstance(intensity, bool) or not isinstance(intensity, int | float):
        raise InvalidMark(f"intensity must be a number, not {intensity!r}")
    try:
        number = float(intensity)
    except OverflowError:  # an int may be larger than any float and too long to print
        number = math.inf
    if not 0 <= number <= MAX_INTENSITY:  # NaN fails this too
        raise InvalidMark(f"intensity must be a number between 0 and 1e12, not {number}")
    return number


def check_increase(by: float) -> float:
    """Return an increase of strength as a float, after checking that it can be added.

    Raises:
        InvalidMark: The increase is not a number above 0 and at most 1e12.
    """
    if isinstance(by, bool) or not isinstance(by, int | float) or not 0 < by <= MAX_INTENSITY:
        raise InvalidMark(f"by must be a number above 0 and at most {MAX_INTENSITY:g}, not {by!r}")
    return float(by)
