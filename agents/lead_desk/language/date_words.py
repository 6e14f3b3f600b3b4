"""Words for dates and times in English, German, French, Spanish, Italian and Dutch.

They include negations and exceptions (`not on Friday`), and the units and labels that show that a number is no time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = [
    "AFFIRMATIONS",
    "AFTER_CONJUNCTION",
    "AFTER_EXCEPTION",
    "AFTER_HOUR",
    "AFTER_NEGATION",
    "ARTICLES_OF_HOURS",
    "AT_HOUR",
    "BEFORE_HOUR",
    "BEFORE_NEGATED_HOURS",
    "BETWEEN_HOURS",
    "CONJUNCTIONS",
    "CONNECTORS",
    "CONTRACTED_VERBS",
    "EXCEPTIONS",
    "FROM_HOUR",
    "LABELS",
    "LIMITS_OF_NEGATION",
    "MONTHS",
    "NEGATIONS_AFTER",
    "NEGATIONS_BEFORE",
    "NEXT_WEEK",
    "PARTS_OF_DAY",
    "REGRETS",
    "RELATIVE_DAYS",
    "THIS_WEEK",
    "TO_HOUR",
    "UNITS",
    "VERBS_BEFORE_NEGATION",
    "WEEKDAYS",
    "alternatives",
    "phrases",
]


def alternatives(words: Iterable[str]) -> str:
    """Return a pattern that matches any of some words, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def phrases(words: Iterable[str]) -> str:
    """Return a pattern like `alternatives`. A line break may separate the words; an apostrophe may be curved."""
    return alternatives(words).replace(r"\ ", r"\s").replace("'", r"['\u2019]")


def _number_rows(*rows: str, first: int) -> dict[str, int]:
    return {word: number for number, row in enumerate(rows, first) for word in row.split()}


# Short forms that are words of another language are omitted: "mon", "mar", "so".
WEEKDAYS = _number_rows(
    "monday montag lundi lunes lunedì lunedi maandag",
    "tuesday tues tue dienstag mardi martes martedì martedi dinsdag",
    "wednesday wed mittwoch mercredi miércoles miercoles mercoledì mercoledi woensdag",
    "thursday thurs thu donnerstag jeudi jueves giovedì giovedi donderdag",
    "friday fri freitag vendredi viernes venerdì venerdi vrijdag",
    "saturday samstag sonnabend samedi sábado sabado sabato zaterdag",
    "sunday sonntag dimanche domingo domenica zondag",
    first=0,
)

MONTHS = _number_rows(
    "january jan januar janvier enero gennaio januari",
    "february feb februar février fevrier febrero febbraio februari",
    "march märz maerz mars marzo maart",
    "april apr avril abril aprile",
    "may mai mayo maggio mei",
    "june jun juni juin junio giugno",
    "july jul juli juillet julio luglio",
    "august aug août aout agosto augustus",
    "september sept sep septembre septiembre settembre",
    "october oct oktober okt octobre octubre ottobre",
    "november nov novembre noviembre",
    "december dec dezember dez décembre decembre diciembre dicembre",
    first=1,
)

RELATIVE_DAYS = {
    "day after tomorrow": 2,
    "übermorgen": 2,
    "uebermorgen": 2,
    "après-demain": 2,
    "apres-demain": 2,
    "pasado mañana": 2,
    "pasado manana": 2,
    "dopodomani": 2,
    "overmorgen": 2,
    "tomorrow": 1,
    "morgen": 1,
    "demain": 1,
    "mañana": 1,
    "manana": 1,
    "domani": 1,
    "today": 0,
    "heute": 0,
    "aujourd'hui": 0,
    "hoy": 0,
    "oggi": 0,
    "vandaag": 0,
}
"""The number of days from today for each word."""

NEXT_WEEK = (
    "next week",
    "nächste woche",
    "nächster woche",
    "naechste woche",
    "kommende woche",
    "semaine prochaine",
    "próxima semana",
    "proxima semana",
    "semana que viene",
    "settimana prossima",
    "prossima settimana",
    "volgende week",
)
THIS_WEEK = ("this week", "diese woche", "dieser woche", "cette semaine", "esta semana", "questa settimana")

PARTS_OF_DAY = {
    "morning": (9, 12),
    "vormittag": (9, 12),
    "früh": (9, 12),
    "matin": (9, 12),
    "matinée": (9, 12),
    "por la mañana": (9, 12),
    "de la mañana": (9, 12),
    "mattina": (9, 12),
    "ochtend": (9, 12),
    "noon": (12, 13),
    "lunchtime": (12, 13),
    "mittag": (12, 13),
    "midi": (12, 13),
    "mediodía": (12, 13),
    "mezzogiorno": (12, 13),
    "afternoon": (13, 17),
    "nachmittag": (13, 17),
    "après-midi": (13, 17),
    "apres-midi": (13, 17),
    "tarde": (13, 17),
    "pomeriggio": (13, 17),
    "middag": (13, 17),
    "evening": (17, 20),
    "abend": (17, 20),
    "soir": (17, 20),
    "noche": (17, 20),
    "sera": (17, 20),
    "avond": (17, 20),
}
"""Parts of the day: the first hour, and the hour at which it ends."""

BEFORE_HOUR = (
    *("before", "until", "vor", "bis", "avant", "jusqu'à", "antes de las", "hasta las", "prima delle", "fino alle"),
    *("voor", "tot"),
)
"""Words before the hour at which a span ends: `before 10`."""
AFTER_HOUR = (
    *("after", "from", "nach", "ab", "après", "apres", "à partir de", "después de las", "despues de las"),
    *("a partir de las", "desde las", "dopo le", "dalle", "na", "vanaf"),
)
"""Words before the hour at which a span begins: `after 10`."""
BETWEEN_HOURS = ("between", "zwischen", "entre", "tra", "tussen")
"""Words before two hours: `between 9 and 11`."""
FROM_HOUR = ("from", "von", "de", "da", "dalle", "van")
"""Words before the first of two hours: `from 9 to 11`."""
TO_HOUR = ("to", "till", "until", "bis", "à", "a", "y", "et", "e", "en", "and", "und", "tot")
"""Words between two hours: `9 to 11`."""
TO_HOUR_AFTER_FROM = (*TO_HOUR, "alle")
"""Words between two hours after a word before the first: `dalle 9 alle 11`. In German, `alle` may mean `every`."""
AT_HOUR = ("at", "um", "à", "a las", "alle", "om")
"""Words before a single hour: `at 3`."""
ARTICLES_OF_HOURS = ("le", "les", "las")
"""Words between a preposition and its hour: `tra le 9 e le 11`."""

CONNECTORS = ("on", "am", "den", "le", "el", "il", "op", "this", "next", "nächsten", "kommenden", "coming")
"""Words between a time and the day that follows it: `3pm on Tuesday`."""

EXCEPTIONS = (
    *("any time but", "anytime but", "any day but", "every day but", "all days but", "all week but"),
    *("always but", "whenever but", "except for", "except", "apart from", "excluding", "other than", "but not"),
    *("außer", "ausser", "ausgenommen", "sauf", "excepto", "salvo", "menos", "tranne", "eccetto", "behalve"),
)
"""Words before days or hours at which the writer cannot meet."""
AFTER_EXCEPTION = ("on", "am", "den", "the", "le", "el", "il", "op", "de", "for", "an", "every", "jeden")
"""Words between an exception and its day: `except for the Friday`."""

NEGATIONS_BEFORE = (
    *("not", "never", "cannot", "cant", "no", "nicht", "kein", "keinen", "nie", "pas", "jamais", "nunca", "non"),
    *("mai", "niet", "nooit"),
)
"""Words before a day or hours at which the writer cannot meet: `not on Friday`, `never before 10`."""
AFTER_ITALIAN_NEVER = ("prima", "dopo", "tra", "dalle", "alle", "fino", "di", "la", "il", "nel", "per")
"""Words that show that `mai` before hours is Italian for `never`, and not a month: `mai prima delle 10`."""
_NEGATED = (
    *("do", "make", "meet", "work", "available", "free", "possible", "möglich", "verfügbar", "disponible", "puedo"),
    *("posible", "posso", "possibile", "disponibile", "mogelijk", "beschikbaar"),
)
"""Words that a negation before them turns into a refusal: `not available`."""
AFTER_NEGATION = ("on", "am", "den", "the", "le", "el", "il", "op", "in", "before", *_NEGATED)
"""Words between a negation and its day: `cannot do Friday`."""
BEFORE_NEGATED_HOURS = (
    "in",
    "am",
    "at",
    "the",
    "le",
    "la",
    "les",
    "por",
    "de",
    "di",
    "nel",
    "il",
    "op",
    "'s",
    *_NEGATED,
)
"""Words between a negation and its hours: `not in the morning`."""

VERBS_BEFORE_NEGATION = ("is", "are", "does", "do", "will", "would", "geht", "passt", "kann ich", "klappt", "ist")
"""Words between a day and the negation that follows it: `Friday does not work`."""
REGRETS = ("leider", "unfortunately")
"""Words before a negation that follows a day: `Freitag geht leider nicht`."""
NEGATIONS_AFTER = ("not", "never", "impossible", "nicht", "unmöglich")
"""Words after a day on which the writer cannot meet."""
CONTRACTED_VERBS = ("is", "are", "does", "do", "wo")
"""Beginnings of a contracted negation: `Friday doesn't work`."""
LIMITS_OF_NEGATION = (
    *BEFORE_HOUR,
    *AFTER_HOUR,
    *BETWEEN_HOURS,
    *AT_HOUR,
    "in the",
    *(f"{before}{part}{end}" for part in PARTS_OF_DAY for before in ("", "am ") for end in ("", "s")),
)
"""Words after a negation that excludes hours, and not the day: `Friday not before ten`."""

CONJUNCTIONS = ("and", "or", "nor", "und", "oder", "et", "ou", "y", "o", "e", "en", "of")
"""Words between two days: `Friday or Monday`."""
AFTER_CONJUNCTION = ("on", "am", "le", "el", "il", "op")
"""Words between a conjunction and its day: `Friday and on Monday`."""

AFFIRMATIONS = (
    *("work", "works", "fine", "ok", "okay", "good", "great", "better", "best", "suit", "suits", "possible", "free"),
    *("geht", "passt", "gern", "gerne", "klappt", "lieber", "convient", "puedo", "posso", "va bene", "kan"),
)
"""Words after a day on which the writer can meet."""


def _singular_and_plural(words: str, ending: str) -> tuple[str, ...]:
    return tuple(form for word in words.split() for form in (word, word + ending))


UNITS = (
    *("usd", "chf", "gbp", "k", "kg", "km", "gb", "mb", "tb", "m²", "mio", "million"),
    *("percent", "prozent", "per", "pro", "each", "je", "eur", "people", "staff", "copies", "colleagues"),
    *("participants", "licences", "licenses", "licence", "license"),
    *_singular_and_plural("euro dollar user seat person employee agent rep site machine office device room", "s"),
    *_singular_and_plural("customer unit piece item year month week day hour hr minute min", "s"),
    *_singular_and_plural("nutzer mitarbeiter mitarbeitende plätze arbeitsplätze standorte leute", "n"),
    *_singular_and_plural("geräte teilnehmer jahre monate tage", "n"),
    *("lizenzen", "personen", "stück", "wochen", "stunden", "minuten", "std"),
    *("utilisateurs", "postes", "salariés", "personnes", "ans", "mois", "semaines", "jours", "heures"),
    *("usuarios", "empleados", "personas", "licencias", "años", "meses", "semanas", "días", "horas"),
    *("utenti", "persone", "dipendenti", "anni", "mesi", "settimane", "giorni", "ore"),
    *("gebruikers", "medewerkers", "jaar", "maanden", "weken", "dagen", "uren"),
)
"""Words after a number that is no time: what it counts or measures."""

LABELS = (
    *("eur", "usd", "chf", "gbp", "version", "release", "v", "nr", "no", "number", "nummer", "room", "raum", "page"),
    *("seite", "chapter", "kapitel", "section", "article", "artikel", "item", "ref", "tel", "phone", "telefon", "fax"),
    *("ext", "price", "preis", "cost", "costs", "kostet"),
)
"""Words before a number that is no time: what it names."""
