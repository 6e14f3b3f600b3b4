"""A parser returns a value or raises an error of this program for every input.

A command ends with a message and no traceback.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from blackboard.cli.app import app
from blackboard.cli.entry_point import move_common_first
from blackboard.core.conditions.condition_parser import parse_condition
from blackboard.core.marks.decay import law_from
from blackboard.durations import parse_duration
from blackboard.errors import BlackboardError
from blackboard.settings.deployment_file import load_settings
from blackboard.settings.deployment_resolver import resolve_file
from tests.support.hypothesis_examples import examples

WORDS = st.sampled_from(
    ["strength", "count", "total", "strongest", "any", "age", "smoke", "alarm", "over", "board", "subject", "=", ">=",
     "<", "(", ")", "&", "|", "~", "not", "and", "or", ",", "0.5", "-1", "1e999", "nan", "inf", "'x*'",
     '"', "\\", "\0", "ü"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
LAWS = st.fixed_dictionaries(
    {"law": st.sampled_from(["exponential", "linear", "power", "step", "curve", "never", "x"]) | JSON},
    optional={
        name: JSON | st.sampled_from(["3d", "0s", "-1h", "1e400d", "99999999999999999w"])
        for name in ("half_life", "lifetime", "scale", "exponent", "lasting", "points", "extra")
    },
)
SLOW_OR_SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]

usual = settings(suppress_health_check=SLOW_OR_SHARED)


def tried(work: Callable[[], Any]) -> tuple[Any, str]:
    """Return the value or the error text."""
    try:
        return work(), ""
    except BlackboardError as error:
        return None, str(error)


@usual
@given(st.text() | st.text(alphabet=string.digits + "usmhdw.+-eE_ ", max_size=20))
@example("1d 12h")
@example("1" * 10_000 + "d")
@example("١d")
@example("1e9999d")
def test_every_text_is_a_duration_or_an_error(text: str) -> None:
    found, error = tried(lambda: parse_duration(text))
    assert len(error) < 500 if error else found >= 0


@usual
@given(st.text() | st.lists(WORDS, max_size=14).map(" ".join) | st.lists(WORDS, max_size=14).map("".join))
@example('strength("smoke") >= 1')
@example("(" * 50_000)
@example("~" * 50_000 + "strength(smoke) >= 1")
@example(" & ".join(["strength(smoke) >= 1"] * 5_000))
def test_every_text_is_a_condition_that_reads_back_or_an_error(text: str) -> None:
    found, error = tried(lambda: parse_condition(text))
    assert len(error) < 2000 if error else str(parse_condition(str(found))) == str(found)


@usual
@given(LAWS | JSON | st.text())
@example({"law": "exponential", "half_life": "1h"})
def test_every_value_is_a_law_or_an_error(spec: Any) -> None:
    try:
        law = law_from(spec)
    except BlackboardError:
        return
    assert 0 <= law.share(1_000_000) <= 1


TOML_VALUES = st.sampled_from(
    ["1", "-1", "0", "1e400", "nan", "true", '"x"', '"3d"', '"none"', "[]", "[1, 2]", "{}", '{ law = "x" }', '["a:b"]',
     '"lead_desk.sales:sales"', '["lead_desk.sales:sales"]', "1979-05-27", '"\\u0000"', "'''\n'''", "9" * 400,
     "9" * 5000, "0x" + "f" * 5000, '"' + "x" * 5000 + '"', '"/dev/zero"', '"a\\u0000.db"',
     '"postgresql+psycopg://ada@host:port/b"']
)  # fmt: skip
SECTIONS = st.sampled_from(
    ["database", "deployment", "kinds.lead", "kinds.'a b'", "agents.sales", "agents.sales.watches.new", "authors",
     "model", "budget", "daemon", "settings", "settings.lead_desk", "nonsense", "agents.sales.budget"]
)  # fmt: skip
KEYS = st.sampled_from(
    ["url", "author", "agents", "kinds", "decay", "weight", "floor", "on_repeat", "cap", "unique", "threshold", "batch",
     "batch_window", "timeout", "max_marks", "tick", "lease", "leap", "provider", "model", "mode", "usd_per_day",
     "min_increase", "budget", "prices", "base_url", "x y"]
)  # fmt: skip


@st.composite
def toml(draw: st.DrawFn) -> str:
    parts = []
    for section in draw(st.lists(SECTIONS, max_size=4, unique=True)):
        keys = draw(st.lists(KEYS, max_size=4, unique=True))
        parts.append(f"[{section}]\n" + "\n".join(f"{key!r} = {draw(TOML_VALUES)}" for key in keys))
    return "\n".join(parts)


@usual
@given(
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | toml().map(str.encode)
)
@example(b"x = " + b"[" * 5_000)
@example(b"\xff\xfe[database]")
@example(b"[daemon]\nworkers = 0x" + b"f" * 5_000)
@example(b"[kinds.need]\ncap = " + b"9" * 5_000)
@example(b"[deployment]\nagents = ['lead_desk.sales:sales']\n[model]\nprovider = 'anthropic'\nprices = '/dev/zero'")
def test_every_file_is_a_deployment_file_or_has_named_mistakes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "board.toml"
    path.write_bytes(content)
    for read in (load_settings, resolve_file):
        _, error = tried(lambda read=read: read(path))  # type: ignore[misc]
        assert all(": " in line for line in error.splitlines()), "each has its place"


CELL = st.sampled_from(["email", "message", "a@b.c", '"', ",", "\n", "\r", "x", "'", "\0", "ü", "", "=1+1"])
ROW = st.lists(CELL, max_size=6).map(",".join)
LEADS = st.binary(max_size=300) | st.lists(ROW, max_size=6).map("\n".join).map(str.encode)


@examples(0.25, suppress_health_check=SLOW_OR_SHARED)
@given(content=LEADS, suffix=st.sampled_from([".csv", ".jsonl", ".json"]))
@example(content=b"email,message\nann@x.example,A quote please\n", suffix=".csv")
@example(content=b'{"a":' * 5000, suffix=".jsonl")
@example(content=b'"' + b"x" * 200_000, suffix=".csv")
def test_every_file_of_leads_is_loaded_or_refused_by_row(
    tmp_path: Path, content: bytes, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blackboard.toml").write_text('[deployment]\nagents = ["lead_desk.sales:sales"]\n')
    (tmp_path / f"leads{suffix}").write_bytes(content)
    ended("load", f"leads{suffix}", "--kind", "lead", "--subject", "email")


def ended(*words: str) -> None:
    """Run a command, and check that it ends with a known exit code and without a traceback."""
    result = CliRunner().invoke(app, move_common_first(list(words)))
    structlog.reset_defaults()
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code in (0, 1, 2), result.output
    assert "Traceback" not in result.output
    assert "this is a bug in blackboard" not in result.output, result.output


COMMANDS = (
    "marks history agents agenda activations retry discard inbox explain deposit withdraw answer pause resume check"
    " status sql"
)
OPTIONS = "--json --kind --subject --at --limit --payload --until --half-life --decay --intensity --min-strength --"
NUMBERS = (
    "1 -1 0 99999999999999999999 nan 1e400 2027-01-31 0001-01-01 9999-12-31T23:59:59Z dead need lead x .. [ {} - é"
)
ARGUMENT = st.sampled_from(
    [*COMMANDS.split(), *OPTIONS.split(), *NUMBERS.split(), "", '{"question": "x"}', "SELECT 1", "\udcff", "\0"]
)


@examples(0.75, suppress_health_check=SLOW_OR_SHARED)
@given(words=st.lists(ARGUMENT, min_size=1, max_size=6))
@example(words=["marks", "--at", "0001-01-01"])
@example(words=["marks", "--at", "9999-12-31T23:59:59Z"])
@example(words=["deposit", "need", "x", "--payload", '{"question": "x"}', "--until", "9999-12-31T23:59:59Z"])
@example(words=["withdraw", "99999999999999999999"])
@example(words=["retry", "99999999999999999999"])
@example(words=["answer", "99999999999999999999", "x"])
@example(words=["marks", "--limit", "99999999999999999999"])
def test_no_command_line_ends_in_a_traceback(tmp_path: Path, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended(*words)
