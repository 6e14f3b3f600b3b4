"""The parser of conditions: from the text in deployment files and the database to a `Condition`."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any, NoReturn

from blackboard.core.conditions.condition_types import Condition
from blackboard.core.conditions.measures import MEASURES, Measure
from blackboard.core.conditions.schedules import Schedule, cron, daily_at, every
from blackboard.errors import InvalidCondition, nearest


def parse_condition(text: str) -> Condition:
    """Return the condition in a text such as `(strength("smoke") >= 0.7) & (count("fire") >= 1)`.

    Quotes around kinds and parentheses around comparisons are optional: `strength(smoke) >= 0.7 & count(fire) >= 1`
    is the same condition. `&` binds closer than `|`. A schedule such as `daily_at("09:00", zone="Europe/Berlin")` is a
    condition too.

    Args:
        text: At most 10,000 characters, nested at most 50 levels deep.

    Raises:
        InvalidCondition: The text is not a condition; the message says where and why.
    """
    if not isinstance(text, str):
        raise InvalidCondition(f"a condition is a text, such as 'strength(smoke) >= 0.7', not {str(text)[:40]!r}")
    if len(text) > _MAX_TEXT_CHARACTERS:
        raise InvalidCondition(
            f"a condition has at most {_MAX_TEXT_CHARACTERS} characters, not {len(text)}; declare several watches"
            " instead"
        )
    return _parsed(text)


@lru_cache(4000)  # declarations and deployments repeat the same texts, and a condition is immutable
def _parsed(text: str) -> Condition:
    return _Parser(text).parse()


_TOKEN = re.compile(
    r"\s*(?:(?P<number>-?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+))|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|(?P<sign>>=|<=|[<>&|~(),={}\[\]:]))",
    re.ASCII | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SCHEDULES: dict[str, tuple[Callable[..., Schedule], tuple[str, ...]]] = {
    "every": (every, ()),
    "daily_at": (daily_at, ("days", "zone")),
    "cron": (cron, ("zone",)),
}
"""The functions that make schedules, each with the names of its options."""
_NAME = (("name", "text"), "a value")
_MEASURE_OPTIONS = {
    "over": _NAME,
    "by": _NAME,
    "subject": _NAME,
    "within": (("text",), "a duration in quotes"),
    "where": (("sign",), "tags in braces"),
}
"""The options of measures: the tokens that a value may begin with, and a description of the value."""
_MAX_TEXT_CHARACTERS = 10_000
_MAX_DEPTH = 50


def _unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    return chr(int(escape[1:], 16)) if len(escape) > 1 else _ESCAPES[escape]


class _Parser:
    """A recursive descent parser.

    disjunction := conjunction ('|' conjunction)*
    conjunction := unary ('&' unary)*
    unary       := '~' unary | '(' disjunction ')' | comparison | schedule
    comparison  := measure ('>=' | '<') number
    measure     := name '(' item (',' item)* ')'
    item        := name | quoted | ('over' | 'by' | 'subject' | 'within') '=' (name | quoted) | 'where' '=' tags
    tags        := '{' quoted ':' values (',' quoted ':' values)* '}'
    values      := literal | '[' literal (',' literal)* ']'
    literal     := quoted | number | 'True' | 'False' | 'true' | 'false'
    schedule    := name '(' quoted (',' name '=' quoted)* ')'
    """

    def __init__(self, text: str) -> None:
        self.text, self.position, self.depth = text, 0, 0
        self.kind = self.token = ""
        self.advance()

    def advance(self) -> None:
        remaining = self.text[self.position :]
        if not remaining.strip():
            self.kind, self.token, self.start = "end", "the end", len(self.text)
            return
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            self.start = self.position + len(remaining) - len(remaining.lstrip())
            self.fail(f"{self.text[self.start]!r} has no meaning here")
        self.kind, self.token = match.lastgroup or "", match[match.lastgroup or 0]
        self.start, self.position = match.start(self.kind), match.end()

    @property
    def found(self) -> str:
        """The present token, as a message names it."""
        return self.token if self.kind in ("end", "text") else repr(self.token)

    def fail(self, message: str) -> NoReturn:
        raise InvalidCondition(f"{self.text[:200]!r}, character {self.start + 1}: {message}")

    def unquote(self, token: str) -> str:
        """Return the text of a quoted literal."""
        body = token[1:-1]
        for match in _ESCAPE.finditer(body):
            code = match[1]
            is_surrogate = len(code) > 1 and 0xD800 <= int(code[1:], 16) < 0xE000
            if is_surrogate or (len(code) == 1 and code not in _ESCAPES):
                self.fail(f"{match[0]!r} is not an escape; write \\\\ for a backslash")
        return _ESCAPE.sub(_unescaped, body)

    def take(self, *tokens: str) -> str:
        if self.kind not in ("sign", "name") or self.token not in tokens:
            self.fail(f"expected {' or '.join(map(repr, tokens))}, found {self.found}")
        token = self.token
        self.advance()
        return token

    def parse(self) -> Condition:
        condition = self.disjunction()
        if self.kind != "end":
            self.fail(f"expected '&', '|' or the end, found {self.found}")
        return condition

    def disjunction(self) -> Condition:
        condition = self.conjunction()
        while self.token == "|" and self.kind == "sign":
            self.advance()
            condition = condition | self.conjunction()
        return condition

    def conjunction(self) -> Condition:
        condition = self.unary()
        while self.token == "&" and self.kind == "sign":
            self.advance()
            condition = condition & self.unary()
        return condition

    def unary(self) -> Condition:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self.fail(f"nested more than {_MAX_DEPTH} levels deep; divide the condition among watches")
        try:
            if self.kind == "sign" and self.token == "~":
                self.advance()
                return ~self.unary()
            if self.kind == "sign" and self.token == "(":
                self.advance()
                inner = self.disjunction()
                self.take(")")
                return inner
            if self.kind == "name" and self.token in _SCHEDULES:
                return self.schedule()
            return self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> Condition:
        measure = self.measure()
        if self.kind == "sign" and self.token in (">", "<="):
            self.fail("write >= (at or above) or < (below)")
        operator = self.take(">=", "<")
        if self.kind != "number":
            self.fail(f"expected a number, found {self.found}")
        if self.token.startswith("-"):
            self.fail(f"a threshold is above 0, found {self.found}")
        number = float(self.token)
        self.advance()
        return measure >= number if operator == ">=" else measure < number

    def schedule(self) -> Schedule:
        name, start = self.token, self.start
        make, known = _SCHEDULES[name]
        self.advance()
        self.take("(")
        when, options = self.take_quoted(name), {}
        while self.take(",", ")") == ",":
            option = self.token
            if self.kind != "name" or option not in known or option in options:
                takes = f"can be given {' and '.join(known)}, each once" if known else "is given one text"
                self.fail(f"{name} {takes}")
            self.advance()
            self.take("=")
            options[option] = self.take_quoted(option)
        try:
            return make(when, **options)
        except InvalidCondition as error:
            self.start = start
            self.fail(str(error))

    def take_quoted(self, what: str) -> str:
        """Take a quoted text."""
        if self.kind != "text":
            self.fail(f"expected a text in quotes for {what}, found {self.found}")
        return self.value()

    def value(self) -> str:
        """Take a name or a quoted text."""
        value = self.token if self.kind == "name" else self.unquote(self.token)
        self.advance()
        return value

    def tags(self) -> dict[str, Any]:
        """Take the values that tags must have."""
        tags: dict[str, Any] = {}
        self.take("{")
        while True:
            name = self.take_quoted("the name of a tag")
            if name in tags:
                self.fail(f"the tag {name!r} is named twice")
            self.take(":")
            if self.kind == "sign" and self.token == "[":
                self.advance()
                values = [self.literal()]
                while self.take(",", "]") == ",":
                    values.append(self.literal())
                tags[name] = values
            else:
                tags[name] = self.literal()
            if self.take(",", "}") == "}":
                return tags

    def literal(self) -> str | bool | Decimal:
        """Take a value of a tag: a quoted text, a number or a boolean."""
        if self.kind == "text":
            return self.value()
        if self.kind == "name" and self.token in ("True", "true", "False", "false"):
            return self.value() in ("True", "true")
        if self.kind != "number":
            self.fail(f"expected a text in quotes, a number, True or False, found {self.found}")
        number = Decimal(self.token)
        self.advance()
        return number

    def measure(self) -> Measure:
        if self.kind != "name":
            self.fail(f"expected {', '.join((*MEASURES, *_SCHEDULES))}, found {self.found}")
        if self.token not in MEASURES:
            known = (*MEASURES, *_SCHEDULES)
            self.fail(f"there is no measure or schedule {self.token!r}{nearest(self.token, known)}")
        measure = MEASURES[self.token]
        self.advance()
        self.take("(")
        kinds: list[str] = []
        options: dict[str, Any] = {}
        while True:
            if self.kind not in ("name", "text"):
                self.fail(f"expected a kind, found {self.found}")
            is_quoted, name = self.kind == "text", self.value()
            if is_quoted or self.kind != "sign" or self.token != "=":
                kinds.append(name)
            elif name in _MEASURE_OPTIONS and name not in options:
                options[name] = self.option_of_measure(name)
            else:
                options_text = 'over="board", by="...", subject="...", where={...} and within="..."'
                self.fail(f"only {options_text} can be set, each once")
            if self.take(",", ")") == ")":
                break
        try:
            return measure(*kinds, **options)
        except InvalidCondition as error:
            self.fail(str(error))

    def option_of_measure(self, name: str) -> Any:
        """Take the value of an option, after its name."""
        self.take("=")
        if name == "where":
            return self.tags()
        forms, what = _MEASURE_OPTIONS[name]
        if self.kind not in forms:
            self.fail(f"expected {what} for {name}, found {self.found}")
        return self.value()
