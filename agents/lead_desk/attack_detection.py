"""Tells leads that look like an attack on a prompt, so that they are judged alone. It decides nothing about them."""

from __future__ import annotations

import re
import unicodedata

from blackboard.marks import Mark

__all__ = ["attack_in", "looks_like_an_attack", "plain"]

_COMMANDS = (
    # "ignore all previous instructions", in the languages that reach the desk
    r"\b(ignore|disregard|forget|override|bypass)\b.{0,40}\b(instruction|prompt|rule|direction|above|guideline)",
    r"\b(ignorier|vergiss|vergesse|missachte)\w*\b.{0,40}\b(anweisung|regel|vorgabe|prompt|instruktion)",
    r"\b(ignore[rz]?|oublie[rz]?)\b.{0,40}\b(consigne|instruction|r[eè]gle)",
    r"\b(ignor[ae]|olvid[ae])\w*\b.{0,40}\b(instruccion|instrucción|regla|indicacion|istruzion)",
    # speaking as the system, or to the model about itself
    r"\b(system|developer|hidden)\s*(prompt|instruction)",
    r"^\s*(system|assistant|developer)\s*:",
    r"</?\s*(system|assistant|user|instructions?|data|leads?|prompt)\s*>|\[/?inst\]|<\|\w+\|>",
    r"#{2,}\s*(system|instruction|new task)",
    r"\byou are (now|no longer)\b|\bact as (an?|the) (admin|system|ai|assistant|developer)|\bdan mode\b|\bjailbreak",
    r"\bas an? (ai|language model|llm)\b|\b(new|updated) instructions?\s*:",
    # naming the answer that is wanted
    r"\b(qualify|mark|rate|approve|score)\b.{0,20}\b(me|this lead|this one|my lead|us)\b.{0,30}"
    r"(1\.0|\b(100|highest|top|maximum|qualified|approved)\b)",
    r"\bset (the |my |your )?score\b|\bscore\b.{0,12}\b(of|to|as|=|:)\s*(1|1\.0|100|10/10)\b",
    r"[\"']?(score|qualified|verdicts?)[\"']?\s*[:=]\s*(1|true|\[|\{|0\.9)",
    r"\breject (all|every|the) other|\b(reveal|print|repeat|show)\b.{0,30}\b(prompt|instructions|api key|password)",
)
_ATTACK = re.compile("|".join(f"(?:{pattern})" for pattern in _COMMANDS), re.IGNORECASE | re.MULTILINE)


def plain(text: str) -> str:
    """The text with look-alike forms brought together and invisible characters taken out."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in folded if unicodedata.category(letter) != "Cf")


def attack_in(text: str) -> bool:
    """Whether a text seems to speak to a model and not to a person."""
    return _ATTACK.search(plain(text)) is not None


def looks_like_an_attack(mark: Mark) -> bool:
    """Whether any text in a mark's payload seems to speak to a model."""
    return any(attack_in(value) for value in mark.payload.values() if isinstance(value, str))
