"""The digest of an agent's code changes with what the code does, and with nothing that a deployment may tune."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path
from typing import Any

import pytest

from blackboard.core.agents.code_digest import source_of

TEXT = """
from blackboard import Mark, agent, strength, total, watch

class Smoke(Mark, kind="smoke"):
    '''What is smoked.'''
    level: int = 0

class Alarm(Mark, kind="alarm"):
    pass

def quiet(function):
    return function

@agent(watches={"many": total(Smoke) >= 0.5}, writes=[Alarm], batch=3)
@quiet
def one(marks, context):
    # each mark
    return [Alarm(subject=mark.subject) for mark in marks]
"""
numbers = itertools.count()


def code(folder: Path, text: str) -> str:
    """Return the digest of the agent `one` in a module with this text."""
    path = folder / f"module_{next(numbers)}.py"
    path.write_text(text)
    specification = importlib.util.spec_from_file_location(path.stem, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    assert module.one.spec.code is not None
    return str(module.one.spec.code)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# each mark", "# every mark"),
        ("    # each mark\n", "\n\n"),
        (">= 0.5", ">= 0.7"),
        ("batch=3", "batch=30, batch_window='1m', timeout='2m', budget={'usd_per_day': 3}"),
        ('kind="smoke")', "kind='smoke', weight=2.0, decay={'law': 'step', 'lasting': '3d'}, floor=0.2)"),
        ("'''What is smoked.'''", "'''Smoke.'''"),
        ("def quiet", "OTHER = 1\ndef quiet"),
        ("for mark in marks]", "for mark in marks]  # all of them"),
    ],
)
def test_comments_and_settings_do_not_change_the_digest(tmp_path: Path, old: str, new: str) -> None:
    assert old in TEXT
    assert code(tmp_path, TEXT.replace(old, new)) == code(tmp_path, TEXT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("for mark in marks]", "for mark in marks[1:]]"),
        ("@quiet\n", ""),
        ('"many"', '"some"'),
        ("total(Smoke)", "total(Alarm)"),
        ("writes=[Alarm]", "writes=[Alarm, Smoke]"),
        ("level: int", "level: float"),
        ("level: int = 0", "level: int"),
        ("batch=3", "batch=3, version='2'"),
        ("def one", "async def one"),
    ],
)
def test_what_the_code_does_changes_the_digest(tmp_path: Path, old: str, new: str) -> None:
    assert old in TEXT
    assert code(tmp_path, TEXT.replace(old, new)) != code(tmp_path, TEXT)


def test_code_without_source_is_told_apart_by_its_version() -> None:
    def made(version: str | None, name: str = "one") -> str | None:
        names: dict[str, Any] = {}
        exec("from blackboard import agent, strength\ndef function(marks, context): return []", names)
        return str(
            names["agent"](watches='strength("a") >= 1', name=name, version=version)(names["function"]).spec.code
        )

    assert made(None) == made(None)
    assert len({made(None), made("1"), made("2")}) == 3


def test_a_lambda_counts_without_the_line_around_it() -> None:
    functions = [lambda marks, context: marks[:1]]  # 0.5
    assert source_of(functions[0]) == "(lambda marks, context: marks[:1])"
    assert source_of(len) is None


def test_a_comment_sign_in_a_text_is_not_a_comment() -> None:
    def function(marks: Any, context: Any) -> str:
        return "# a"  # b

    source = source_of(function)
    assert source is not None
    assert source.endswith('return "# a"')
