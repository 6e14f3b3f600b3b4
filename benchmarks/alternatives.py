"""Prints the figures of docs/comparison.md: each example beside its plain alternative.

python -m benchmarks.alternatives [NAME ...]
"""

import ast
import importlib
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@dataclass(frozen=True)
class Program:
    """A program of a comparison, and the script that runs it on the data."""

    source: str
    script: str


@dataclass(frozen=True)
class Comparison:
    """An example, its plain alternative, the script that writes their data, and the stand-in for the model."""

    data: str
    board: Program
    plain: Program
    model: str = ""


COMPARISONS = {
    "alerts": Comparison(
        "make_day.py", Program("alerts.py", "replay_day.py"), Program("plain/alert_loop.py", "plain/alert_loop.py")
    ),
    "triage": Comparison(
        "make_issues.py",
        Program("triage.py", "replay_days.py"),
        Program("plain/issue_queue.py", "replay_days_plain.py"),
        "scripted_verdicts",
    ),
    "memory": Comparison(
        "make_notes.py 2026-11-02",
        Program("memory.py", "replay_weeks.py"),
        Program("plain/note_index.py", "replay_weeks_plain.py"),
        "scripted_answers",
    ),
}


def lines_of_code(path: Path) -> int:
    """Return the number of lines of a program that are neither blank nor only a comment or a docstring."""
    text = path.read_text("utf-8")
    tree = ast.parse(text)
    documented = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)]
    strings = [node.body[0] for node in documented if ast.get_docstring(node) is not None]
    left_out = {number for node in strings for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    lines = enumerate(map(str.strip, text.splitlines()), 1)
    return sum(bool(line) and not line.startswith("#") and number not in left_out for number, line in lines)


def run(script: Path, data: str, variables: Mapping[str, str], *arguments: str) -> tuple[str, float]:
    """Run a script on the data in an empty folder, and return its output and its computing time in seconds."""
    before = computing_time()
    with TemporaryDirectory() as folder:
        command = [sys.executable, str(script), *arguments]
        environment = os.environ | variables
        done = subprocess.run(
            command, cwd=folder, env=environment, input=data, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise SystemExit(f"{script} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout, computing_time() - before


def computing_time() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def total(output: str, column: str) -> float | None:
    """Return the sum of a column of the table in an output, or None if it has no such column."""
    lines = [line.split() for line in output.splitlines()]
    header = next((names for names in lines if column in names), None)
    if header is None:
        return None
    rows = takewhile(lambda line: len(line) == len(header) + 1 and line[0].isalpha(), lines[lines.index(header) + 1 :])
    return sum(float(row[1 + header.index(column)]) for row in rows)


def figures(folder: Path, program: Program, data: str, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a program's figures."""
    output, seconds = run(folder / program.script, data, variables)
    yield "lines of code", str(lines_of_code(folder / program.source))
    for name, column, form in (("model calls", "calls", ".0f"), ("US$ for them", "US$", ".4f")):
        if (value := total(output, column)) is not None:
            yield name, format(value, form)
    yield "computing time", f"{seconds:.1f} s"


def measured(folder: Path, program: Program, model: str, data: str) -> dict[str, str]:
    """Return the figures of a program. A stand-in in this process answers it, whose computing time is not counted."""
    if not model:
        return dict(figures(folder, program, data, {}))
    sys.path.insert(0, str(folder))
    with importlib.import_module(model).serve() as variables:
        return dict(figures(folder, program, data, variables))


def compare(name: str) -> None:
    """Print the figures of an example and of its plain alternative."""
    folder, comparison = EXAMPLES / name, COMPARISONS[name]
    script, *arguments = comparison.data.split()
    data, _ = run(folder / script, "", {}, *arguments)
    of_board, of_plain = (measured(folder, one, comparison.model, data) for one in (comparison.board, comparison.plain))
    print(f"{name:16}{'board':>10}{'plain':>10}")
    for figure, value in of_board.items():
        print(f"{figure:16}{value:>10}{of_plain[figure]:>10}")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or COMPARISONS:
        compare(wanted)
