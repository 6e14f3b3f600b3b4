"""Packaged files are found in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from blackboard.errors import UnknownName, WorkError
from blackboard.system.files import packaged_files


def test_a_checkout_has_its_files_beside_the_package() -> None:
    assert packaged_files.config_file("prices.toml").is_file()
    assert packaged_files.migrations_folder().is_dir()


def test_the_folders_of_an_installed_package_take_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "blackboard"
    for folder in (package / "config", package.parent / "config"):
        folder.mkdir(parents=True)
        (folder / "prices.toml").touch()
    monkeypatch.setattr(packaged_files, "_PACKAGE", package)
    assert packaged_files.config_file("prices.toml") == package / "config" / "prices.toml"


def test_a_missing_file_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownName, match=r"did you mean 'prices.toml'"):
        packaged_files.config_file("price.toml")
    monkeypatch.setattr(packaged_files, "_PACKAGE", tmp_path / "blackboard")
    with pytest.raises(WorkError, match="install it again"):
        packaged_files.migrations_folder()
