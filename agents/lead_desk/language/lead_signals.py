"""Phrases that show the intent of a writer, in the languages of the desk's enquiries."""

from __future__ import annotations

import re

from lead_desk.language.date_words import MONTHS, NEGATIONS_BEFORE
from lead_desk.language.text_normalization import MAX_CHARACTERS, normalize_text

__all__ = [
    "BUDGET",
    "COMPLAINT",
    "EARLIEST",
    "INTENT",
    "JOB",
    "SELLER",
    "SPAM",
    "TEST",
    "URGENT",
    "VOLUME",
    "declines",
    "matches",
]


def _words(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?<!\w)(?:{phrase})" for phrase in phrases), re.IGNORECASE)


INTENT = _words(
    r"quote\b|pricing|price list|prices?\b|buy\b|purchase|order\b|demo\b|trial\b|proposal|roll ?out|implement",
    r"licen[cs]es?\b|subscri",
    r"interested\b|looking for|we need|we want|would like|evaluat|switch(ing)? from|replace our|call me",
    r"talk to (you|sales)",
    r"angebot|preis|kaufen|bestell|lizenz|vorführ|testzugang|interess|benötigen|brauchen|suchen|beratung|einführ",
    r"devis|tarif|prix|acheter|commande|démo|essai|intéress|nous cherchons|besoin",
    r"presupuesto|precio|comprar|pedido|licencia|prueba|interesad|necesitamos|buscamos|cotiza",
    r"preventivo|prezz|acquist|offerte|prijs|interessat",
)
BUDGET = _words(
    r"budget|bewilligt|approved by",
    r"[€$£]\s?\d|\d[\d.,']{0,20}\s?(?:k\b|€|\$|£|eur\b|euros?\b|usd\b|dollars?\b|chf\b|gbp\b)",
)
VOLUME = _words(
    r"\d{1,9}\s?(?:\+\s?)?(?:seats?|users?|licen[cs]es?|people|employees|staff|agents|reps|sites|machines|offices)\b",
    r"\d{1,9}\s?(?:nutzer|mitarbeiter|lizenzen|plätze|arbeitsplätze|standorte|utilisateurs|postes|salariés)",
    r"\d{1,9}\s?(?:usuarios|empleados|licencias)",
)
URGENT = _words(
    r"urgent|asap|as soon as|immediately|this week|this month|this quarter|deadline|by (?:the )?end of|go live",
    r"dringend|eilig|sofort|so bald|schnellst|rapidement|au plus vite|urgente|cuanto antes|lo antes posible",
    r"quanto prima",
)
EARLIEST = _words(
    r"earliest|first free|any(?:\s?time| slot| day)|whenever|asap|next free|egal|frühest|nächste[rn]? freie",
    r"plus tôt|cualquier|fine\b|ok\b|yes\b|ja\b",
)
SPAM = _words(
    r"seo\b|backlinks?|first page of google|guest post|casino|viagra|crypto|bitcoin|forex|lottery|winner|followers",
    r"loan offer",
    r"make money|work from home|click here|100% free|limited offer|onlyfans|dating|weight loss|inheritance|prince",
    r"pills?\b|t\.me/|bit\.ly",
)
SELLER = _words(
    r"we offer|our agency|our services|we can (?:help you )?(?:grow|boost|design|redesign|generate)|outsourc",
    r"lead lists?|email lists?",
    r"partnership opportunity|wir bieten ihnen|unsere agentur|nous proposons nos|ofrecemos",
)
JOB = _words(
    r"my (?:cv|résumé|resume)|apply(?:ing)? for|job opening|internship|vacanc|bewerb|praktikum|lebenslauf",
    r"candidature|\bstage\b|curriculum|prácticas",
)
TEST = _words(r"test\b|testing\b|asdf|qwert|lorem ipsum|foo ?bar|xxx|please ignore")
COMPLAINT = _words(
    r"unsubscribe|remove me|invoice (?:is )?wrong|refund|complain|password reset|cannot log ?in|gdpr|abmelden",
    r"rechnung falsch|désabonn",
)
_DECLINES = _words(
    *(rf"{word}\b" for word in NEGATIONS_BEFORE if word not in MONTHS),
    r"\w{2,7}n['\u2019]t\b|decline|cancel|reject|nein\b|kein|nee\b|absag|annul|rechaz",
)


def declines(text: str) -> bool:
    """Return whether a decision contains a refusal. Its times may then be refused times."""
    return matches(_DECLINES, text)


def matches(signal: re.Pattern[str], text: str) -> bool:
    """Return whether the text contains a phrase of the signal."""
    return signal.search(normalize_text(text)[:MAX_CHARACTERS]) is not None
