"""The pages for people who change the program: the modules that they name exist, and no page is out of reach."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.blocks import DOCUMENTS, ROOT

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
JOURNEYS = (ROOT / "docs/journeys.md").read_text("utf-8")
DECISIONS = ROOT / "docs/decisions"
PACKAGES = sorted(
    path.parent
    for top in ("blackboard", "agents")
    for path in (ROOT / top).rglob("__init__.py")
    if path.parent.name != "prompts"  # its `__init__.py` has a function
)
PATH = r"`([a-z_][A-Za-z0-9_/.]*(?:/|\.(?:py|sql|md|toml|json|txt)))`"


def linked(page: Path) -> set[Path]:
    """Return the files that a page links to."""
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)", page.read_text("utf-8"))
    return {(page.parent / target).resolve() for target in targets if not target.startswith("https://")}


def test_every_module_of_a_journey_exists_and_each_step_names_one() -> None:
    rows = [line for line in JOURNEYS.splitlines() if line.startswith("| ") and not line.startswith("| step |")]
    assert len(rows) >= 30
    for row in rows:
        assert (names := re.findall(PATH, row.rpartition(" | ")[2])), row
        assert [name for name in names if not (ROOT / "blackboard" / name).is_file()] == []


def test_the_steps_of_each_journey_are_numbered_in_sequence() -> None:
    for journey in JOURNEYS.partition("\n## On PostgreSQL\n")[0].split("\n## ")[1:]:
        numbers = [int(number) for number in re.findall(r"^\| (\d+)[a-e]? \|", journey, re.MULTILINE)]
        assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))
        assert numbers == sorted(numbers)


def test_every_path_in_the_guide_for_contributors_exists() -> None:
    named = set(re.findall(PATH, CONTRIBUTING))
    bare = {"__init__.py", "dist/"}  # one is in every folder, the other is made by a release
    assert [name for name in sorted(named - bare) if "NNNN" not in name and not (ROOT / name).exists()] == []


def test_the_guide_for_contributors_knows_every_folder_of_code_and_of_tests() -> None:
    code = {f"blackboard/{path.parent.name}/" for path in (ROOT / "blackboard").glob("*/__init__.py")}
    tests = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "tests").glob("*/**/test_*.py")}
    assert {name for name in code | tests if f"`{name}`" not in CONTRIBUTING} == set()


@pytest.mark.parametrize(
    "name", ["lint", "test", "test-lowest", "test-lowest-quick", "test-postgresql", "crash", "soak", "constraints"]
)
def test_a_target_that_a_guide_names_exists(name: str) -> None:
    assert f"make {name}" in CONTRIBUTING
    assert re.search(rf"^{name}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_the_tests_that_a_target_names_exist() -> None:
    named = set(re.findall(r"tests/[\w/]+\.py", (ROOT / "Makefile").read_text("utf-8")))
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_target_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE)
    assert re.findall(r"^## ([a-z-]+): \S.*\n\1:", makefile, re.MULTILINE) == targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_cell_of_a_table_is_a_paragraph(path: Path) -> None:
    text = re.sub(r"\]\([^)]*\)|^```.*?^```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = [cell.strip() for row in rows for cell in re.split(r"(?<!\\)\|", row)]
    assert [cell for cell in cells if len(cell) > 200 and not cell.startswith("`alembic`, ")] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_line_of_prose_is_longer_than_a_line_of_code(path: Path) -> None:
    text = re.sub(r"^ *```.*?^ *```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    prose = [re.sub(r"\]\([^)]*\)", "]()", line) for line in text.splitlines() if not line.startswith("|")]
    assert [line for line in prose if len(line) > 120] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_table_and_no_command_is_wrapped_like_prose(path: Path) -> None:
    text = re.sub(r"^ *```.*?^ *```", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"^.*[^|\s-].*\|---.*", text, re.MULTILINE) == [], "each row of a table has a line"
    assert re.findall(r"(?<=\n\n) {5,}\S.*", text) == [], "a block of commands is indented by four spaces"
    assert re.findall(r"^ {4}.*#.* (?:make|python|pytest|blackboard) +[a-z-].*", text, re.MULTILINE) == []


def test_each_decision_is_listed_once_under_its_title_and_its_state() -> None:
    files = sorted(path for path in DECISIONS.glob("*.md") if path.name != "README.md")
    titles = [path.read_text("utf-8").partition("\n")[0].removeprefix("# ") for path in files]
    assert len({path.name[:4] for path in files}) == len(files), "two decisions have one number"
    tables = (DECISIONS / "README.md").read_text("utf-8").split("\n## ")
    listed = [re.findall(r"^\| (\d+) \| \[(.+?)\]\(([^)]+)\) \|", table, re.MULTILINE) for table in tables]
    rows = sorted((name, f"{number}. {title}") for table in listed for number, title, name in table)
    assert rows == [(path.name, title) for path, title in zip(files, titles, strict=True)]
    superseded = [path.name for path in files if "**Superseded by" in path.read_text("utf-8")]
    assert [name for _, _, name in listed[2]] == superseded


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d{2}-\d{2}", version) for version in versions[1:])
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    for version in text.split("\n## ")[1:]:
        sections = re.findall(r"^### (.+)$", version, re.MULTILINE)
        assert set(sections) <= kinds
        assert len(sections) == len(set(sections)), "a section stands twice"


def test_the_list_of_pages_has_every_page_and_the_readme_links_to_it() -> None:
    contents = ROOT / "docs/README.md"
    pages = {path.resolve() for path in (ROOT / "docs").glob("*.md")} - {contents}
    beside = {ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")}
    assert linked(contents) == pages | beside | {DECISIONS / "README.md"}
    assert contents in linked(ROOT / "README.md")


def test_the_tables_of_concepts_name_modules_of_every_package() -> None:
    page = (ROOT / "docs/modules.md").read_text("utf-8")
    section = page.partition("## Where a concept lives\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+) \| (`.+`) \|$", section, re.MULTILINE)
    assert len(rows) == len({concept for concept, _ in rows})
    named = {name for _, modules in rows for name in re.findall(r"`([^`]+)`", modules)}
    assert {name for name in named if not (ROOT / "blackboard" / name).is_file()} == set()
    packages = [
        path.parent for top in (".", "core", "board") for path in (ROOT / "blackboard" / top).glob("*/__init__.py")
    ]
    folders = {f"{package.relative_to(ROOT / 'blackboard')}/" for package in packages}
    assert {folder for folder in folders if not any(name.startswith(folder) for name in named)} == set()


def test_the_contract_of_the_daemon_allows_the_modules_of_the_board_that_the_map_names() -> None:
    page = (ROOT / "docs/modules.md").read_text("utf-8")
    row = page.partition("| the daemon |")[2].partition("\n")[0].split("|")[0]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    [contract] = [item for item in contracts if item["name"].startswith("The daemon uses")]
    assert "blackboard.board.*" in contract["forbidden_modules"]
    imported = {line.partition("-> blackboard.board.")[2] for line in contract["ignore_imports"]}
    allowed = {name.removesuffix(".*") for name in imported} - {"facade"}
    assert allowed == set(re.findall(r"`([a-z_]+)(?:\.py)?`", row))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_table_of_contents_of_a_package_names_each_part_that_exists(package: Path) -> None:
    contents = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""
    named = re.findall(r"^([a-z_]+) {2,}\S", contents, re.MULTILINE)
    parts = {path.stem for path in package.glob("[a-z]*.py")} | {
        path.parent.name for path in package.glob("*/__init__.py")
    }
    assert set(named) ^ parts == set(), "`__init__.py` has one line for each module and each package inside"
    assert len(named) == len(parts)
    for block in contents.split("\n\n"):
        columns = {len(start) for start in re.findall(r"^([a-z_]+ {2,})\S", block, re.MULTILINE)}
        assert len(columns) <= 1, "the descriptions of a block begin in one column"
