"""A file that was found, and not named, imports code only if no other user can change the file or its folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from blackboard.errors import ConfigurationError
from blackboard.settings.deployment_file import load_settings
from blackboard.settings.deployment_resolver import resolve_file
from tests.support.invented_owners import ALICE, ALICES_GROUP, BOB, MALLORY, NOBODYS, TEAM, Owners
from tests.support.invented_owners import owners as owners

CODE = '[deployment]\nkinds = ["smoke_of_strangers:Smoke"]\n'


class Place:
    """A folder with a deployment file, in which Alice types a command."""

    def __init__(self, folder: Path, owners: Owners) -> None:
        self.folder, self.file, self.owners = folder / "place", folder / "place" / "blackboard.toml", owners
        self.own = folder / "own" / "blackboard" / "settings.toml"
        self.environ = {"XDG_CONFIG_HOME": str(folder / "own")}
        self.folder.mkdir()
        self.own.parent.mkdir(parents=True)
        self.file.write_text(CODE)

    def refusal(self) -> str:
        with pytest.raises(ConfigurationError) as caught:
            load_settings(None, self.environ)
        return str(caught.value)

    def load(self) -> None:
        assert load_settings(None, self.environ).names_agents

    def trust(self, *folders: object) -> None:
        self.own.write_text(f"trusted_folders = {[str(folder) for folder in folders]}\n")


@pytest.fixture
def place(tmp_path: Path, owners: Owners, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(tmp_path, owners)
    monkeypatch.chdir(made.folder)
    return made


def test_a_file_and_folder_of_this_user_or_root_are_trusted(place: Place) -> None:
    place.load()
    place.owners.set(place.file, owner=0)
    place.owners.set(place.folder, owner=0, mode=0o755)
    place.load()


@pytest.mark.parametrize("which", ["file", "folder"])
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"owner": MALLORY}, "belongs to mallory"),
        ({"owner": 70099}, "belongs to user 70099"),
        ({"mode": 0o666}, "everyone may write to"),
        ({"mode": 0o1777}, "everyone may write to"),
        ({"owner": 0, "mode": 0o777}, "everyone may write to"),
        ({"group": TEAM, "mode": 0o664}, "the group group70010 may write to"),
        ({"group": 70098, "mode": 0o664}, "the group 70098 may write to"),
    ],
)
def test_what_others_can_change_is_refused_with_its_reason(
    place: Place, which: str, change: dict[str, int], reason: str
) -> None:
    path: Path = getattr(place, which)
    place.owners.set(path, **change)
    text = place.refusal()
    assert f"{reason} {path}" in text or f"{path} {reason}" in text
    for way in ("--config", "BLACKBOARD_CONFIG", f"trusted_folders in {place.own}"):
        assert way in text


@pytest.mark.parametrize("group", [ALICES_GROUP, NOBODYS])
def test_a_group_whose_only_members_are_this_user_and_root_may_write(place: Place, group: int) -> None:
    place.owners.set(place.folder, group=group, mode=0o775)
    place.load()


def test_a_group_of_which_another_user_is_a_named_member_may_not_write(place: Place) -> None:
    from tests.support import invented_owners as invented

    place.owners.set(place.file, group=ALICES_GROUP, mode=0o664)
    invented.GROUPS[ALICES_GROUP].append("bob")
    try:
        assert "the group" in place.refusal()
    finally:
        invented.GROUPS[ALICES_GROUP].remove("bob")


def test_a_link_is_as_trusted_as_both_of_its_ends(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    place.file.rename(other / "real.toml")
    place.file.symlink_to(other / "real.toml")
    place.owners.set(place.file, mode=0o777)  # as every link
    place.load()
    place.owners.set(other, owner=MALLORY)
    assert f"{other} belongs to mallory" in place.refusal()
    place.owners.set(other)
    place.owners.set(place.file, owner=BOB)
    assert f"{place.file} belongs to bob" in place.refusal()


def test_a_file_that_imports_nothing_is_read(place: Place) -> None:
    place.owners.set(place.folder, owner=MALLORY)
    place.file.write_text('[database]\nurl = "sqlite:///other.db"\n')
    assert load_settings(None, place.environ).database.url == "sqlite:///other.db"
    place.environ["BLACKBOARD_DEPLOYMENT__KINDS"] = '["smoke_of_strangers:Smoke"]'
    assert "belongs to mallory" in place.refusal()


def test_a_named_file_is_trusted(place: Place) -> None:
    place.owners.set(place.folder, owner=MALLORY, mode=0o777)
    assert load_settings(Path("blackboard.toml"), place.environ).names_agents
    assert load_settings(None, {**place.environ, "BLACKBOARD_CONFIG": "blackboard.toml"}).names_agents


def test_nothing_is_imported_before_the_refusal(place: Place) -> None:
    place.owners.set(place.folder, owner=MALLORY)
    (place.folder / "smoke_of_strangers.py").write_text("open('imported', 'w').close()\n")
    with pytest.raises(ConfigurationError, match="belongs to mallory"):
        resolve_file(None, place.environ)
    assert not (place.folder / "imported").exists()


def test_the_users_own_settings_trust_folders_and_what_is_below_them(place: Place, tmp_path: Path) -> None:
    place.owners.set(place.folder, owner=MALLORY, mode=0o777)
    for trusted in (place.folder, tmp_path, f"{place.folder}/../place/"):
        place.trust("/nowhere", trusted)
        place.load()
    for other in (place.folder / "deeper", f"{tmp_path}/pla", "/nowhere"):
        place.trust(other)
        assert "belongs to mallory" in place.refusal()


def test_a_home_folder_may_be_abbreviated(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.owners.set(place.file, owner=MALLORY)
    monkeypatch.setenv("HOME", str(tmp_path))
    place.trust("~/place")
    place.load()
    (tmp_path / ".config" / "blackboard").mkdir(parents=True)
    place.own.rename(tmp_path / ".config" / "blackboard" / "settings.toml")
    place.environ = {}
    place.load()


@pytest.mark.parametrize("change", [{"owner": MALLORY}, {"mode": 0o666}])
@pytest.mark.parametrize("which", ["own", "folder of own"])
def test_own_settings_that_others_can_change_trust_nobody(place: Place, which: str, change: dict[str, int]) -> None:
    place.owners.set(place.folder, owner=MALLORY)
    place.trust(place.folder)
    place.owners.set(place.own if which == "own" else place.own.parent, **change)
    assert "names the folders that you trust, but" in place.refusal()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trusted_folder = []", "did you mean 'trusted_folders'"),
        ('trusted_folders = "/tmp"', "trusted_folders"),
        ('trusted_folders = ["place"]', "is not an absolute path"),
        ("trusted_folders = [", "is not valid TOML"),
        (b"\xff", "is not UTF-8 text"),
    ],
)
def test_mistakes_in_own_settings_are_named(place: Place, text: str | bytes, message: str) -> None:
    place.owners.set(place.folder, owner=MALLORY)
    place.own.write_bytes(text.encode() if isinstance(text, str) else text)
    assert message in place.refusal()
    assert str(place.own) in place.refusal()


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="this system has no access control lists of this form")
def test_an_access_control_list_that_may_let_others_write_is_refused(place: Place) -> None:
    # Version 2; the owner, mallory, the group, the mask, and others, each with a tag, permissions and an id.
    entries = [(1, 6, -1), (2, 6, MALLORY), (4, 4, -1), (16, 6, -1), (32, 4, -1)]
    value = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + may.to_bytes(2, "little") + (who & 0xFFFFFFFF).to_bytes(4, "little")
        for tag, may, who in entries
    )
    try:
        os.setxattr(place.file, "system.posix_acl_access", value)
    except OSError:
        pytest.skip("this file system has no access control lists")
    place.owners.set(place.file, owner=ALICE, mode=0o664)
    assert "access control list" in place.refusal()
