"""Numbers as text: with all digits, or with just enough to tell a value from a threshold."""

from __future__ import annotations


def digits_beside(value: float, threshold: float) -> str:
    """Return a value with as many digits, at least 4, as are needed to distinguish it from a threshold."""
    if value == threshold:
        return exact_digits(value)

    def tells(text: str) -> bool:
        return float(text) != threshold and (float(text) < threshold) == (value < threshold)

    texts = (f"{value:.{digits}g}" for digits in range(4, 17))
    return next(filter(tells, texts), exact_digits(value))


def exact_digits(number: float) -> str:
    """Return a short text that reads back as the same number."""
    short = f"{number:.12g}"
    return short if float(short) == number else repr(number)
