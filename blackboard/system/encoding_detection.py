"""Encodings of text: Unicode by its byte order mark or zero bytes, older code pages by the words that they make.

A code page is recognized by its words: in the right one, each word has letters of one language. `Łukasz` in
Windows-1250 is `£ukasz` in Windows-1252, which is no word of any language. If several code pages make words, the
western one is meant, because most exports have it. The user must be told about a guess.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

__all__ = ["UnicodeForm", "find_code_page", "find_unicode_form"]

_HEAD_BYTES = 2048


class UnicodeForm(NamedTuple):
    """A Unicode encoding, and the bytes before the text."""

    encoding: str
    """Its name in Python, for the text after the byte order mark."""
    byte_order_mark: bytes = b""


_MARKED_FORMS = (
    UnicodeForm("utf-8", codecs.BOM_UTF8),
    UnicodeForm("utf-32-le", codecs.BOM_UTF32_LE),  # before UTF-16, whose byte order mark is its beginning
    UnicodeForm("utf-32-be", codecs.BOM_UTF32_BE),
    UnicodeForm("utf-16-le", codecs.BOM_UTF16_LE),
    UnicodeForm("utf-16-be", codecs.BOM_UTF16_BE),
)


def find_unicode_form(head: bytes) -> UnicodeForm | None:
    """Return the Unicode encoding of a text with a byte order mark, or of UTF-16 without one; otherwise None."""
    for form in _MARKED_FORMS:
        if head.startswith(form.byte_order_mark):
            return form
    head = head[:_HEAD_BYTES]
    if b"\x00" not in head:
        return None
    # Most of the first characters in UTF-16 are ASCII, with one zero byte each.
    zeros = (head[0::2].count(0), head[1::2].count(0))
    size = len(head) // 2
    if max(zeros) > 0.6 * size and min(zeros) < 0.1 * size:
        return UnicodeForm("utf-16-be" if zeros[0] > zeros[1] else "utf-16-le")
    return None


def _word_pattern(*languages: str) -> re.Pattern[str]:
    """Return the pattern of a word in one of several languages, each given by its letters other than a to z."""
    return re.compile("|".join(f"(?:[a-z'\u2019]|{language})+" for language in languages))


_WESTERN = _word_pattern(
    "[äöüß]",
    "[àâçéêëîïôûü]|è(?=[b-df-hj-np-tv-z]{1,2}e|[a-z]?s?$)|(?<=o)ù|œ(?=[iucsdt]|no)",
    "[áéíóúü]|ñ(?=[aeiouáéíóú])",
    "[àèéìíòóùú](?=$|['\u2019])",
    "[áàâçéêíóôúü]|ã(?=o|e|s?$)|õ(?=e)",
    "[àçéíïóúü·]|[èò](?![aeiou])",
    "[áéëïíóöúü]",
    "[åäöéü]",
    "[øåéèêóòâôü]|(?<![iey])æ",
    "[äöü]|(?<![a-zäöü]{2})õ(?=[a-z]{2})",
    "[áéíóúýæö]|(?<=[a-záéíóúýæö])ð|(?<![a-záéíóúýæö])þ",
)
"""German, French, Spanish, Italian, Portuguese, Catalan, Dutch, Swedish and Finnish, Danish and Norwegian, Estonian,
Icelandic.

Some letters may stand only where words of their language have them, because a wrong code page makes the same letters
at other places.
"""
_EASTERN = _word_pattern(
    "[ąćęłńóśźż]", "[áčďéěíňóřšťúůýž]", "[áäčďéíĺľňóôŕšťúýž]", "[áéíóöőúüű]", "[čćđšž]", "[ăâîşţșț]", "[äöüß]"
)
"""Polish, Czech, Slovak, Hungarian, Croatian and Slovene, Romanian, German."""
_CODE_PAGES = {
    "cp1252": _WESTERN,
    "cp1250": _EASTERN,
    "iso8859-2": _EASTERN,
    "mac-roman": _WESTERN,
    "cp850": _WESTERN,
    "cp1254": _word_pattern("[çğıöşüâî\u0307]"),
    "cp1255": re.compile("(?:[אבגדהוזחטילסעקרשת]|[כמנפצ](?!$)|[ךםןףץ]$)+"),
    "cp1251": re.compile("[а-яёђѓєѕіїјљњћќўџґ]+"),
    "cp1253": re.compile("(?:[α-ρτ-ωάέήίόύώϊϋΐΰ]|σ(?!$)|ς$)+"),
    "cp1256": re.compile("[ء-ي\u064b-\u0652]+"),
    "cp1257": _word_pattern("[äöõüšž]", "[āčēģīķļņšūž]", "[ąčęėįšųūž]"),
}
"""Code pages with the patterns of their words."""
_OTHER_ALPHABETS = ("cp1255", "cp1251", "cp1253", "cp1256")
_FEW_WORDS = 3
"""Fewer words than this may be words in several alphabets."""
_RAW_WORD = re.compile(rb"[A-Za-z'\x80-\xff]{1,60}")
_MAX_RAW_WORDS = 3000
_BETWEEN = re.compile("[\u2013\u2014\u2026\u2022\xa0\xad]")
_AROUND = "\"'\u2018\u2019\u201a\u201c\u201d\u201e\u2039\u203a«»¡¿،؟"
_SIGNS = re.compile("[€£$¥¢§°²³¹¼½¾±µ×©®™ºª†‡%·´`]{1,5}|(?:[ckm]?m)[²³]|°[cf]|n[°º]|[a-z]{1,60}[®™©]", re.IGNORECASE)
_MAX_SHOUT_CHARACTERS = 4
"""The longest word in capitals that is taken for a word in an alphabet without Latin letters."""
_NEEDED_SHARE = 0.8
"""The part of the words that must fit."""


def find_code_page(sample: bytes, first: str = "cp1252") -> str | None:
    """Return the code page that makes the words of a text fit a language; None if there is none.

    Args:
        sample: A part of the text.
        first: The code page to prefer if several fit equally well.
    """
    raw_words = {match[0] for match in _RAW_WORD.finditer(sample) if not match[0].isascii()}
    raw_words = set(sorted(raw_words)[:_MAX_RAW_WORDS])
    names = sorted(_CODE_PAGES, key=lambda name: name != first)
    fits = {name: sum(_is_text(raw_word, name) for raw_word in raw_words) for name in names}
    best = max(names, key=lambda name: fits[name])
    if not raw_words or fits[best] < _NEEDED_SHARE * len(raw_words):
        return None
    if best in _OTHER_ALPHABETS and len(raw_words) < _FEW_WORDS and sum(fits[name] == fits[best] for name in names) > 1:
        return None  # the same bytes are also words in another alphabet, and too few to tell
    return best


def _is_text(raw_word: bytes, code_page: str) -> bool:
    """Return whether a word of the sample is made of words and signs in a code page."""
    try:
        text = raw_word.decode(code_page)
    except UnicodeDecodeError:
        return False
    return all(_is_word(part.strip(_AROUND), code_page) for part in _BETWEEN.split(text))


def _is_word(text: str, code_page: str) -> bool:
    if text.isascii() or _SIGNS.fullmatch(text):
        return True
    has_case = text.lower() != text.upper()
    if has_case and not (text.islower() or text.isupper() or text[1:].islower()):
        return False
    if has_case and code_page in _OTHER_ALPHABETS and len(text) > _MAX_SHOUT_CHARACTERS and text.isupper():
        return False
    return _CODE_PAGES[code_page].fullmatch(text.lower()) is not None
