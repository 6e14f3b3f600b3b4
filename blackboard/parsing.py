"""Reads conditions from text, as deployment files and the database hold them; says where a text goes wrong."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NoReturn

from blackboard.conditions import FUNCTIONS, Condition, Measure, measure_of
from blackboard.errors import InvalidCondition, nearest

__all__ = ["parse"]


def parse(text: str) -> Condition:
    """Read a condition such as `(strength("smoke") >= 0.7) & (count("fire") >= 1)`.

    Kinds need no quotes, and comparisons no parentheses: `strength(smoke) >= 0.7 & count(fire) >= 1` says the same.

    Raises:
        InvalidCondition: where and what is wrong.
    """
    if not isinstance(text, str) or len(text) > _MAX_TEXT:
        raise InvalidCondition(f"a condition is text of at most {_MAX_TEXT} characters")
    return _parsed(text)


@lru_cache(4000)  # agents declare what the deployment says again, and a condition never changes
def _parsed(text: str) -> Condition:
    return _Parser(text).whole()


_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|(?P<sign>>=|<=|[<>&|~(),=]))",
    re.ASCII | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_MAX_TEXT = 10_000
_MAX_DEPTH = 50


def _unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    return chr(int(escape[1:], 16)) if len(escape) > 1 else _ESCAPES[escape]


class _Parser:
    """Recursive descent over this grammar:

    either := every ('|' every)*
    every := unary ('&' unary)*
    unary := '~' unary | '(' either ')' | comparison
    """

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0
        self.kind = self.token = ""
        self.advance()

    def advance(self) -> None:
        rest = self.text[self.at :]
        if not rest.strip():
            self.kind, self.token, self.start = "end", "the end", len(self.text)
            return
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            self.start = self.at + len(rest) - len(rest.lstrip())
            self.fail(f"{self.text[self.start]!r} means nothing here")
        self.kind, self.token = match.lastgroup or "", match[match.lastgroup or 0]
        self.start, self.at = match.start(self.kind), match.end()

    def fail(self, message: str) -> NoReturn:
        raise InvalidCondition(f"{self.text[:200]!r}, character {self.start + 1}: {message}")

    def text_of(self, token: str) -> str:
        """Read a literal in quotes."""
        body = token[1:-1]
        for match in _ESCAPE.finditer(body):
            code = match[1]
            half = len(code) > 1 and 0xD800 <= int(code[1:], 16) < 0xE000  # of a pair: text has none
            if half or (len(code) == 1 and code not in _ESCAPES):
                self.fail(f"{match[0]!r} is not an escape; write \\\\ for a backslash")
        return _ESCAPE.sub(_unescaped, body)

    def take(self, *tokens: str) -> str:
        if self.kind not in ("sign", "name") or self.token not in tokens:
            self.fail(f"expected {' or '.join(tokens)}, found {self.token}")
        token = self.token
        self.advance()
        return token

    def whole(self) -> Condition:
        condition = self.either()
        if self.kind != "end":
            self.fail(f"expected & or | or the end, found {self.token}")
        return condition

    def either(self) -> Condition:
        condition = self.every()
        while self.token == "|" and self.kind == "sign":
            self.advance()
            condition = condition | self.every()
        return condition

    def every(self) -> Condition:
        condition = self.unary()
        while self.token == "&" and self.kind == "sign":
            self.advance()
            condition = condition & self.unary()
        return condition

    def unary(self) -> Condition:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self.fail("nested too deeply")
        try:
            if self.kind == "sign" and self.token == "~":
                self.advance()
                return ~self.unary()
            if self.kind == "sign" and self.token == "(":
                self.advance()
                inner = self.either()
                self.take(")")
                return inner
            return self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> Condition:
        measure = self.measure()
        if self.kind == "sign" and self.token in (">", "<="):
            self.fail("write >= (reached) or < (left)")
        operator = self.take(">=", "<")
        if self.kind != "number":
            self.fail(f"expected a number, found {self.token}")
        number = float(self.token)
        self.advance()
        return measure >= number if operator == ">=" else measure < number

    def value(self) -> str:
        """Take a name, or the text in quotes."""
        value = self.token if self.kind == "name" else self.text_of(self.token)
        self.advance()
        return value

    def measure(self) -> Measure:
        if self.kind != "name":
            self.fail(f"expected {', '.join(FUNCTIONS)}, found {self.token}")
        if self.token not in FUNCTIONS:
            self.fail(f"there is no measure {self.token!r}{nearest(self.token, FUNCTIONS)}")
        function = self.token
        self.advance()
        self.take("(")
        kinds: list[str] = []
        options: dict[str, str] = {}
        while True:
            if self.kind not in ("name", "text"):
                self.fail(f"expected a kind, found {self.token}")
            quoted, name = self.kind == "text", self.value()
            if not quoted and self.kind == "sign" and self.token == "=":
                if name not in ("over", "subject") or name in options:
                    self.fail('only over="board" and subject="..." can be set, each once')
                self.advance()
                if self.kind not in ("name", "text"):
                    self.fail(f"expected a value for {name}, found {self.token}")
                options[name] = self.value()
            else:
                kinds.append(name)
            if self.take(",", ")") == ")":
                break
        if function == "strength" and (len(kinds) != 1 or options.get("over", "subject") != "subject"):
            self.fail("strength is taken of one mark of one kind; use strongest, total or count for more")
        return measure_of(function, tuple(kinds), options.get("over", "subject"), options.get("subject"))  # type: ignore[arg-type]
