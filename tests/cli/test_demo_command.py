"""The demo loads the samples onto a new board, works until no work remains, and shows the results."""

from __future__ import annotations

from tests.support.command_line import CommandLine

DEMO = """
[model]
provider = "offline"

[settings.demo]
samples = "house_samples:rooms.csv"
kind = "smoke"
subject = ["room"]
author = "sensor"
files = { "notes.txt" = "house_samples:notes.txt" }

[settings.demo.show]
alarm = ["level"]
call = ["text"]
"""


def prepared(house: CommandLine) -> CommandLine:
    path = house.folder / "blackboard.toml"
    path.write_text(path.read_text() + DEMO)
    samples = house.folder / "house_samples"
    samples.mkdir()
    (samples / "rooms.csv").write_text("room,detail\nhall,x\nkitchen,y\nattic,z\ncellar\n")
    (samples / "notes.txt").write_text("notes")
    return house


def test_the_demo_can_be_run_repeatedly(house: CommandLine) -> None:
    prepared(house)
    for _ in range(2):
        done = house("demo", "--config", "blackboard.toml", "--folder", "out")
        assert (done.code, done.err) == (0, "")
        assert "3 sample rows are on the board; 1 were rejected" in done.out
        assert "row 5: 1 field, but the header has 2" in done.out
        assert "offline rules" in done.out
        assert "3 alarms" in done.out
        assert "0 model calls" in done.out
    assert (house.folder / "out" / "notes.txt").read_text() == "notes"
    assert house("history", "hall", "--database", "out/demo.db", "--json").json[0]["author"] == "sensor"


def test_a_deployment_without_a_demo_section_is_an_error(house: CommandLine) -> None:
    done = house("demo", "--config", "blackboard.toml")
    assert done.code == 2
    assert "settings.demo" in done.err
    assert not (house.folder / "demo").exists()


def test_missing_samples_are_reported(house: CommandLine) -> None:
    prepared(house)
    (house.folder / "house_samples" / "rooms.csv").unlink()
    done = house("demo", "--config", "blackboard.toml")
    assert done.code == 2
    assert "house_samples:rooms.csv" in done.err
