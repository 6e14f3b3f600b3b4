"""The law: `check` names every mistake at once, and says beforehand what `init` would then do."""

from __future__ import annotations


def change(house, old, new):
    path = house.folder / "blackboard.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def preview(house):
    return house("check", "--against-board", "--json").json["against_board"]


def test_every_mistake_is_told_at_once_with_its_place(house):
    change(house, "[kinds.smoke]", "[kinds.smoek]\nweight = 2\n[agents.watchman]\nbach = 3\n[kinds.smoke]\nflor = 1")
    done = house("check")
    assert (done.code, done.out) == (2, "")
    assert "3 mistakes" in done.err
    for place in ("kinds.smoek", "agents.watchman.bach", "kinds.smoke.flor"):
        assert f"blackboard.toml, {place}: there is no" in done.err
    assert "did you mean 'batch'?" in done.err


def test_a_change_that_changes_nothing_says_so(house):
    house("init")
    assert preview(house)["changes"] == []
    assert "nothing changes" in house("check", "--against-board").out


def test_a_higher_floor_tells_which_marks_would_go_and_then_they_go(house):
    for room, intensity in (("hall", "0.2"), ("kitchen", "0.6")):
        house("deposit", "smoke", room, "--payload", '{"detail": "x"}', "--intensity", intensity)
    change(house, "[kinds.smoke]", "[kinds.smoke]\nfloor = 0.3")
    found = preview(house)
    assert [mark["subject"] for mark in found["evaporates"]] == ["hall"]
    assert found["sooner"] == {"smoke": 1}
    assert found["changes"] == ["kind smoke: floor"]
    assert len(house("marks", "--json").json) == 2  # nothing happened yet
    house("init")
    assert [mark["subject"] for mark in house("marks", "--json").json] == ["kitchen"]


def test_a_higher_weight_tells_who_would_wake_and_then_they_are_on_the_agenda(house):
    house("deposit", "smoke", "kitchen", "--payload", '{"detail": "x"}', "--intensity", "0.4")
    change(house, "[kinds.smoke]", "[kinds.smoke]\nweight = 2.0")
    (wakes,) = preview(house)["wakes"]
    assert (wakes["agent"], wakes["subject"], wakes["held"]) == ("watchman", "kitchen", False)
    assert "kitchen" in house("check", "--against-board").out
    assert house("agenda", "--json").json == []
    house("init")
    assert [row["subject"] for row in house("agenda", "--json").json] == ["kitchen"]


def test_a_lower_threshold_tells_who_would_wake(house):
    house("deposit", "smoke", "kitchen", "--payload", '{"detail": "x"}', "--intensity", "0.4")
    change(house, "[kinds.smoke]", "[agents.watchman]\nthreshold = 0.3\n[kinds.smoke]")
    assert [wakes["value"] > 0.3 for wakes in preview(house)["wakes"]] == [True]


def test_a_count_of_marks_that_join_is_a_warning(house):
    done = house("check")
    assert done.code == 0
    assert "agents.caller.watches.many" in done.err
    assert "separate" in done.err
