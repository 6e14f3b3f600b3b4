"""A file of settings is read, or refused with its name and the reason, whatever is at its path."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from blackboard.errors import ConfigurationError
from blackboard.system.files.settings_files import MAX_SETTINGS_BYTES, read_text, read_toml


def test_a_file_is_read_with_or_without_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text("a = 0.1", "utf-8-sig")
    assert read_text(path) == "a = 0.1"
    assert read_toml(path) == {"a": 0.1}
    assert read_toml(path, Decimal) == {"a": Decimal("0.1")}


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"#" * MAX_SETTINGS_BYTES)
    assert read_toml(path) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = ", "is not valid TOML"),
        (b"a = " + b"9" * 5_000, "cannot be read: Exceeds the limit"),
        (b"a = " + b"[" * 50_000, "is nested too deeply"),
        (b"\xff", "is not UTF-8 text: byte 0"),
        (b"#" * (MAX_SETTINGS_BYTES + 1), "is larger than 1 MB"),
    ],
)
def test_a_mistake_names_the_file_and_the_reason(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        read_toml(path)
    (mistake,) = caught.value.mistakes
    assert mistake.place == str(path)
    assert message in mistake.message


@pytest.mark.parametrize("path", ["/dev/zero", "missing.toml", "/", "a\0b"])
def test_whatever_is_at_the_path_is_read_to_an_end_or_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is larger|cannot be read"):
        read_toml(Path(path))
    with pytest.raises(ConfigurationError, match="key file: "):
        read_text(Path(path), "key file")
