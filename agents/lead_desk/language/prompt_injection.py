"""Detection of marks that try to instruct the model, so that they are judged in a separate call."""

from __future__ import annotations

import re

from blackboard import Mark
from lead_desk.language.text_normalization import normalize_text

__all__ = ["has_injection", "is_suspicious"]

_PATTERNS = (
    # "ignore all previous instructions", in the languages of the desk's enquiries
    r"\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b(instruction|prompt|rule|direction|above|guideline)",
    r"\b(ignorier|vergiss|vergesse|missachte)\w{0,20}\b.{0,40}\b(anweisung|regel|vorgabe|prompt|instruktion)",
    r"\b(ignore[rz]?|oublie[rz]?)\b.{0,40}\b(consigne|instruction|r[eè]gle)",
    r"\b(ignor[ae]|olvid[ae])\w{0,20}\b.{0,40}\b(instruccion|instrucción|regla|indicacion|istruzion)",
    # text that poses as the system, or assigns the model another role
    r"\b(system|developer|hidden)\s?(prompt|instruction)",
    r"^\s?(system|assistant|developer)\s?:",
    r"</?\s?(system|assistant|user|instructions?|data|leads?|prompt)\s?>|\[/?inst\]|<\|\w{1,40}\|>",
    r"##\s?(system|instruction|new task)",
    r"\byou are (now|no longer)\b|\bact as (an?|the) (admin|system|ai|assistant|developer)|\bdan mode\b|\bjailbreak",
    r"\bas an? (ai|language model|llm)\b|\b(new|updated) instructions?\s?:",
    # text that dictates the answer
    r"\b(qualify|mark|rate|approve|score)\b.{0,20}\b(me|this lead|this one|my lead|us)\b.{0,30}"
    r"(1\.0|\b(100|highest|top|maximum|qualified|approved)\b)",
    r"\bset (the |my |your )?score\b|\bscore\b.{0,12}\b(of|to|as|=|:)\s?(1|1\.0|100|10/10)\b",
    r"[\"']?(score|qualified|verdicts?)[\"']?\s?[:=]\s?(1|true|\[|\{|0\.9)",
    r"\breject (all|every|the) other|\b(reveal|print|repeat|show)\b.{0,30}\b(prompt|instructions|api key|password)",
)
_INJECTION = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE | re.MULTILINE)


def has_injection(text: str) -> bool:
    """Return whether a text seems to address a model instead of a person."""
    return _INJECTION.search(normalize_text(text)) is not None


def is_suspicious(mark: Mark) -> bool:
    """Return whether a text of a mark's payload (not one in a list) seems to address a model."""
    return any(has_injection(value) for value in mark.payload.values() if isinstance(value, str))
