"""Every name in backticks, in a document, a docstring or a comment, is the name of something that exists.

Any other name was changed in the code and not in the text. Decisions are left out: they have the names of their time.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.docs.blocks import DOCUMENTS, ROOT

FOLDERS = ("agents", "benchmarks", "blackboard", "config", "examples", "migrations", "packaging", "tests", "tools")
ENDINGS = {".css", ".html", ".ini", ".js", ".py", ".service", ".sql", ".toml", ".txt"}
"""The endings of the files whose words are names of something."""
PROGRAMS = ("agents", "blackboard", "tools")
PROSE = [
    *(path for path in DOCUMENTS if path.parent.name != "decisions"),
    *(path for top in PROGRAMS for path in sorted((ROOT / top).rglob("*.py"))),
    *sorted((ROOT / "blackboard").rglob("*.sql")),
]
COMPOUND = re.compile(r"(?<![\w$])(?:[A-Za-z]*[a-z]\d?_[a-z]\w*|[A-Za-z]*[a-z][A-Z]\w*)")
"""A word with an underscore or with a capital inside. No ordinary word looks like it, so it is a name."""
MEMBER = re.compile(r"(?<![\w\[./])([A-Za-z_]\w+)\.([A-Za-z_]\w*)")
OUTSIDE = {
    *("AnswerModel", "vVERSION", "agents.sales", "board.example", "tags.env"),
    *(
        "HttpOnly",
        "ReadWritePaths",
        "SameSite",
        "cProfile",
        "live_marks.c",
        "read_sql",
        "rule_files",
        "synchronous_standby_names",
    ),
}
"""Names that stand for a name of the reader's, and those of other programs that the code does not use."""
ENDINGS_OF_FILES = {"db", "dump", "ics", "js", "json", "py", "pyi", "service", "socket", "sql", "toml"}
INSTANCES = {"board": ("Blackboard", "Client")}
"""The classes of an object that texts name by a variable."""


@cache
def paths() -> frozenset[str]:
    """Return each file's path from the root, and each end of that path, such as `core/records/states.py`."""
    found = [path.relative_to(ROOT).parts for path in ROOT.glob("*.*")]
    found += [path.relative_to(ROOT).parts for top in (*FOLDERS, "docs") for path in (ROOT / top).rglob("*.*")]
    return frozenset("/".join(parts[start:]) for parts in found for start in range(len(parts)))


@cache
def code_and_prose(path: Path) -> tuple[str, str]:
    """Return the code of a module, with its texts, and apart from it the docstrings and comments."""
    parts: tuple[list[str], list[str]] = ([], [])
    before = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        begins = before in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
        is_docstring = token.type == tokenize.STRING and begins and token.string.endswith('"""')
        parts[token.type == tokenize.COMMENT or is_docstring].append(token.string)
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            before = token.type
    return "\n".join(parts[0]), "\n".join(parts[1])


@cache
def words() -> frozenset[str]:
    """Return every word of the code, of statements, settings and pages, and the names of files and folders."""
    texts = [(ROOT / name).read_text("utf-8") for name in ("Makefile", "pyproject.toml")]
    for path in (path for top in FOLDERS for path in (ROOT / top).rglob("*")):
        texts.append(path.stem)
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PROGRAMS:
            texts.append(code_and_prose(path)[0])
        elif path.suffix in ENDINGS:
            texts.append(path.read_text("utf-8"))
    return frozenset(word for text in texts for word in re.findall(r"\w+", text))


@cache
def members() -> dict[str, set[str]]:
    """Return what each package, module, class and file of statements defines or inherits, by its name."""
    found: dict[str, set[str]] = {}
    bases: dict[str, list[str]] = {}
    for path in (ROOT / "blackboard").rglob("*.sql"):
        found.setdefault(path.stem, set()).update(re.findall(r"^-- name: (\w+)", path.read_text("utf-8"), re.MULTILINE))
    for path in (path for top in PROGRAMS for path in (ROOT / top).rglob("*.py")):
        tree = ast.parse(path.read_bytes())
        classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        is_package = path.stem == "__init__"
        found.setdefault(path.parent.name if is_package else path.stem, set()).update(_defined(tree.body))
        if is_package:
            found[path.parent.name].update(other.stem for other in path.parent.iterdir())
        for node in classes:
            found.setdefault(node.name, set()).update(_defined(node.body), _set_on_instances(node))
            bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
    for name in bases:
        ancestors = list(bases[name])
        for ancestor in ancestors:
            found[name] |= found.get(ancestor, set())
            ancestors += bases.get(ancestor, [])
    found.pop("blackboard", None)  # it is also the name of the package
    return found


def _defined(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name for alias in names)


def _set_on_instances(class_: ast.ClassDef) -> Iterator[str]:
    """Yield the attributes that the methods of a class set on `self`."""
    for node in ast.walk(class_):
        match node:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name


def unknown_names(quoted: str) -> Iterator[str]:
    """Yield the names in a quoted piece of text that nothing has."""
    for word in COMPOUND.findall(quoted):
        metric = word.removeprefix("blackboard_").removesuffix("_total")
        if word not in words() and metric not in words():
            yield word
    for owner, member in MEMBER.findall(quoted):
        known = set().union(*(members().get(name, set()) for name in INSTANCES.get(owner, (owner,))))
        if known and member not in known and member not in ENDINGS_OF_FILES:
            yield f"{owner}.{member}"


def texts() -> Iterator[tuple[str, str]]:
    """Yield the name of each file and its prose."""
    for path in PROSE:
        match path.suffix:
            case ".md":
                text = path.read_text("utf-8")
            case ".sql":
                text = "\n".join(re.findall(r"--.*", path.read_text("utf-8")))
            case _:
                text = code_and_prose(path)[1]
        yield str(path.relative_to(ROOT)), text


def test_every_name_in_backticks_exists() -> None:
    wrong: list[tuple[str, str]] = []
    for path, text in texts():
        outside_blocks = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        names = (name for piece in re.findall(r"`([^`\n]+)`", outside_blocks) for name in unknown_names(piece))
        wrong += [(path, name) for name in names if name not in OUTSIDE]
    assert wrong == []


def test_every_module_that_a_text_names_by_its_file_exists() -> None:
    wrong: list[tuple[str, str]] = []
    for path, text in texts():
        saved = set(re.findall(r"^# (\w+\.py)$", text, re.MULTILINE))  # the files of an example
        pieces = re.findall(r"`([^`\n]+)`", text)
        named = {name for piece in pieces for name in re.findall(r"[\w/]*\w\.py\b", piece)}
        wrong += [(path, name) for name in named - saved - paths() if "NNNN" not in name]
    assert wrong == []


def test_a_test_module_is_named_with_its_folder() -> None:
    named = [(path, name) for path, text in texts() for name in re.findall(r"`([\w/]*\btest_\w+\.py)", text)]
    places = [ROOT, ROOT / "tests"]  # the list of concepts leaves out the first folder
    assert [(path, name) for path, name in named if not any((place / name).is_file() for place in places)] == []
