"""`check` names all mistakes together and previews the effect of `init`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.command_line import CommandLine


def change(house: CommandLine, old: str, new: str) -> None:
    path = house.folder / "blackboard.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def preview(house: CommandLine) -> Any:
    return house("check", "--against-board", "--json").json["against_board"]


def test_all_mistakes_are_reported_at_once_with_their_places(house: CommandLine) -> None:
    change(house, "[kinds.smoke]", "[kinds.smoek]\nweight = 2\n[agents.watchman]\nbach = 3\n[kinds.smoke]\nflor = 1")
    done = house("check")
    assert (done.code, done.out) == (2, "")
    assert "3 mistakes" in done.err
    for place in ("kinds.smoek", "agents.watchman.bach", "kinds.smoke.flor"):
        assert f"blackboard.toml, {place}: there is no" in done.err
    assert "did you mean 'batch'?" in done.err


@pytest.mark.file_only("the address stands in the file of settings")
@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sqlite:///a\\u0000.db", "it has a character that no path can have"),
        ("postgresql+psycopg://ada:secret@host:port/board", "its port or an option is not a number"),
        ("sqlite://host/board.db", "Invalid SQLite URL"),
        ("sqlite:///:memory:", "name a file"),
    ],
)
def test_an_address_that_no_board_can_have_is_a_mistake(house: CommandLine, url: str, problem: str) -> None:
    change(house, "sqlite:///house.db", url)
    for command in (["check"], ["check", "--json"], ["status"], ["run", "--until-quiescent"]):
        done = house(*command)
        assert done.code == 2
        shown = done.out + done.err
        assert "database.url" in shown
        assert problem in shown
        assert "secret" not in shown


def test_an_unchanged_deployment_is_reported_as_unchanged(house: CommandLine) -> None:
    house("init")
    assert preview(house)["changes"] == []
    assert "nothing changes" in house("check", "--against-board").out


def test_the_skew_of_deposits_is_a_setting_that_is_checked_and_previewed(house: CommandLine) -> None:
    house("init")
    change(house, "[deployment]\n", '[deployment]\nmax_skew = "1m"\n')
    assert preview(house)["changes"] == ["max_skew: 1m instead of 5s"]
    change(house, 'max_skew = "1m"', "max_skew = 5")
    done = house("check")
    assert done.code == 2
    assert "deployment.max_skew: '5' is not a duration (a bare number has no unit)" in done.err


def test_a_higher_floor_previews_the_marks_that_then_evaporate(house: CommandLine) -> None:
    for room, intensity in (("hall", "0.2"), ("kitchen", "0.6")):
        house("deposit", "smoke", room, "--payload", '{"detail": "x"}', "--intensity", intensity)
    change(house, "[kinds.smoke]", "[kinds.smoke]\nfloor = 0.3")
    found = preview(house)
    assert [mark["subject"] for mark in found["evaporates"]] == ["hall"]
    assert found["sooner"] == {"smoke": 1}
    assert found["changes"] == ["kind smoke: floor"]
    assert len(house("marks", "--json").json) == 2  # `check` changed nothing
    house("init")
    assert [mark["subject"] for mark in house("marks", "--json").json] == ["kitchen"]


def test_a_higher_weight_previews_the_crossings_that_then_wait(house: CommandLine) -> None:
    house("deposit", "smoke", "kitchen", "--payload", '{"detail": "x"}', "--intensity", "0.4")
    change(house, "[kinds.smoke]", "[kinds.smoke]\nweight = 2.0")
    (wakes,) = preview(house)["wakes"]
    assert (wakes["agent"], wakes["subject"], wakes["guard_closed"]) == ("watchman", "kitchen", False)
    assert "kitchen" in house("check", "--against-board").out
    assert house("agenda", "--json").json == []
    house("init")
    assert [row["subject"] for row in house("agenda", "--json").json] == ["kitchen"]


def test_a_lower_threshold_previews_wakes(house: CommandLine) -> None:
    house("deposit", "smoke", "kitchen", "--payload", '{"detail": "x"}', "--intensity", "0.4")
    change(house, "[kinds.smoke]", "[agents.watchman]\nthreshold = 0.3\n[kinds.smoke]")
    assert [wakes["value"] > 0.3 for wakes in preview(house)["wakes"]] == [True]


def test_crossings_of_a_changed_watch_are_previewed_as_staying_or_skipped(house: CommandLine) -> None:
    house("init")
    for room, intensity in (("hall", "0.8"), ("kitchen", "1")):
        house("deposit", "smoke", room, "--payload", '{"detail": "x"}', "--intensity", intensity)
    change(house, "[kinds.smoke]", "[agents.watchman]\nthreshold = 0.9\n[kinds.smoke]")
    stays = {retest["subject"]: retest["stays"] for retest in preview(house)["retests"]}
    assert stays == {"hall": False, "kitchen": True}
    shown = house("check", "--against-board").out
    assert "1 waiting crossing would stay" in shown
    assert "1 waiting crossing would be skipped, because their watch changes" in shown
    house("init")
    assert [row["subject"] for row in house("agenda", "--json").json] == ["kitchen"]


def test_checking_against_no_board_creates_none_and_shows_all_that_init_deploys(house: CommandLine) -> None:
    changes = preview(house)["changes"]
    assert "agent watchman: new" in changes
    assert not (house.folder / "house.db").exists()


def test_a_file_without_agents_would_change_nothing_as_init_with_it_does(house: CommandLine) -> None:
    house("init")
    house.write("address.toml", '[database]\nurl = "sqlite:///house.db"\n')
    found = house("--config", "address.toml", "check", "--against-board", "--json").json["against_board"]
    assert (found["changes"], found["wakes"]) == ([], [])
    house("--config", "address.toml", "init")
    assert len(house("agents", "--json").json) == 2


def test_a_count_that_no_subject_can_have_is_a_warning(house: CommandLine) -> None:
    path = house.folder / "house_agents.py"
    path.write_text(path.read_text().replace('count(Alarm, over="board") >= 3', "count(Alarm) >= 3"))
    done = house("check")
    assert done.code == 0
    assert "agents.caller.watches.many" in done.err
    assert "separate" in done.err


PAGER = """

from blackboard import total


@agent(watches=total(Smoke) >= 0.5, writes=[Call])
def pager(smokes, context):
    return Call(subject=context.subject, text="")
"""


GROUPS = """

from blackboard import Mark, count, total


class Alert(Mark, kind="alert", tags=["service"]):
    service: str


@agent(watches=total(Alert, by="service") >= 3)
def page(alerts, context):
    return []


@agent(watches=count(Alert, by="service", within="1h") >= 3, batch=10)
def burst(alerts, context):
    return []
"""


def test_check_says_that_an_activation_takes_one_group(house: CommandLine) -> None:
    path = house.folder / "house_agents.py"
    path.write_text(path.read_text() + GROUPS)
    change(house, '"house_agents:caller"]', '"house_agents:caller", "house_agents:page", "house_agents:burst"]')
    done = house("check")
    assert done.code == 0, done.err
    assert "each value of service, all its marks" in done.out
    assert "each value of service, up to 10 marks" in done.out


def test_check_says_what_an_activation_takes_and_how_many_the_waiting_work_needs(house: CommandLine) -> None:
    path = house.folder / "house_agents.py"
    path.write_text(path.read_text() + PAGER)
    change(house, '"house_agents:caller"]', '"house_agents:caller", "house_agents:pager"]')
    house("init")
    for room in ("kitchen", "hall", "attic"):
        house("deposit", "smoke", room, "--payload", '{"detail": ""}')
    done = house("check", "--against-board")
    assert "each subject, up to 100 marks" in done.out
    assert "all marks of the board" in done.out
    assert "up to 10 marks" in done.out
    assert "at least 1 per batch" in done.out
    found = house("check", "--against-board", "--json").json
    assert {"agent": "pager", "watch": "watch", "per": "subject", "marks": 100} in found["activations"]
    [pager] = [one for one in found["against_board"]["activations"] if one["agent"] == "pager"]
    assert (pager["per"], pager["subjects"], pager["per_subject"], pager["per_batch"]) == ("subject", 3, 3, 1)
    assert "an activation for each subject" in house("explain", "pager").out


def test_per_is_a_setting_of_the_agent_and_of_a_watch(house: CommandLine) -> None:
    path = house.folder / "house_agents.py"
    path.write_text(path.read_text() + PAGER)
    change(house, '"house_agents:caller"]', '"house_agents:caller", "house_agents:pager"]')
    file = house.folder / "blackboard.toml"
    text = file.read_text()

    def per(sections: str) -> dict[str, str]:
        file.write_text(text + sections)
        return {one["agent"]: one["per"] for one in house("check", "--json").json["activations"]}

    assert per("") == {"watchman": "batch", "caller": "batch", "pager": "subject"}
    assert per('[agents.pager]\nper = "batch"\n[agents.watchman]\nper = "subject"') == {
        "watchman": "subject",
        "caller": "batch",
        "pager": "batch",
    }
    assert per('[agents.pager]\nper = "batch"\n[agents.pager.watches.watch]\nper = "subject"')["pager"] == "subject"
    file.write_text(text + '[agents.caller.watches.many]\nper = "subject"\n[agents.watchman]\nper = "mark"')
    places = {mistake["place"] for mistake in house("check", "--json").json["mistakes"]}
    assert places == {"blackboard.toml, agents.caller.watches.many.per", "blackboard.toml, agents.watchman.per"}


def test_check_shows_the_guards_of_a_watch_and_its_conditions_over_time(house: CommandLine) -> None:
    agents = house.folder / "house_agents.py"
    agents.write_text(
        agents.read_text()
        .replace("watches=strength(Smoke) >= 0.7", "watches=GUARDED")
        .replace(
            "@agent",
            "GUARDED = watch(strength(Smoke) >= 0.7, only_if=count(Alarm) < 3, unless=count(Call) >= 1)\n\n\n@agent",
            1,
        )
        .replace("import Linear", "import watch, Linear")
    )
    over_time = 'held_for = "1m"\nrewake_every = "10m"\nclear_below = 0.3\non_guard = "drop"\n'
    change(house, "[kinds.smoke]", f"[agents.watchman]\n{over_time}[kinds.smoke]")
    shown = " ".join(house("check").out.split())
    assert (
        'strength("smoke") >= 0.7, held for 1m, again every 10m, cleared below 0.3, only if count("alarm") < 3' in shown
    )
    assert 'unless count("call") >= 1, dropped while its guard is closed' in shown


def test_mistakes_are_one_json_document_with_their_places_and_the_same_exit_code(house: CommandLine) -> None:
    change(house, "[kinds.smoke]", "[kinds.smoek]\nweight = 2\n[agents.watchman]\nbach = 3\n[kinds.smoke]")
    done = house("check", "--json")
    assert done.code == 2
    assert done.json["file"] == "blackboard.toml"
    assert {mistake["place"] for mistake in done.json["mistakes"]} == {
        "blackboard.toml, kinds.smoek",
        "blackboard.toml, agents.watchman.bach",
    }
    assert all(mistake["message"].startswith("there is no") for mistake in done.json["mistakes"])
    assert done.err == ""


def test_a_file_without_mistakes_has_none_in_its_json_document(house: CommandLine) -> None:
    assert house("check", "--json").json["mistakes"] == []


def test_a_missing_file_is_a_mistake_in_json_too(house: CommandLine) -> None:
    done = house("check", "--json", "--config", "house.toml")
    assert done.code == 2
    assert done.json["file"] is None
    assert done.json["mistakes"][0]["message"].startswith("does not exist")


def test_an_agent_that_cannot_be_imported_is_a_single_mistake(house: CommandLine) -> None:
    for wrong in ("house_agents:watchmen", "house_agent:watchman"):
        path = house.folder / "blackboard.toml"
        before = path.read_text()
        change(house, "house_agents:watchman", wrong)
        if wrong.startswith("house_agent:"):
            change(house, '"house_agents:caller"', "")
        path.write_text(path.read_text() + "[agents.watchman]\nbatch = 3\n[kinds.alarm]\nweight = 2\n")
        (mistake,) = house("check", "--json").json["mistakes"]
        assert wrong in mistake["message"]
        path.write_text(before)


def test_a_misspelt_name_beside_a_failed_import_is_reported_too(house: CommandLine) -> None:
    change(house, "house_agents:caller", "house_agent:caller")
    path = house.folder / "blackboard.toml"
    path.write_text(path.read_text() + "[agents.watchmen]\nbatch = 3\n[kinds.allarm]\nweight = 2\n")
    assert len(house("check", "--json").json["mistakes"]) == 3


def test_a_value_of_a_wrong_type_is_a_single_mistake(house: CommandLine) -> None:
    change(house, 'decay = { law = "exponential", half_life = "10m" }', "decay = 5")
    (mistake,) = house("check", "--json").json["mistakes"]
    assert mistake["place"] == "blackboard.toml, kinds.smoke.decay"
    assert mistake["message"] == "input should be a valid dictionary, or a valid string, not 5"


def test_a_misspelt_required_setting_is_a_single_mistake(house: CommandLine) -> None:
    change(house, "[kinds.smoke]", '[agents.watchman]\nmodels = [{ modl = "x" }]\n[kinds.smoke]')
    (mistake,) = house("check", "--json").json["mistakes"]
    assert "did you mean 'model'?" in mistake["message"]


def test_marks_with_a_law_of_their_own_are_counted_and_explained(house: CommandLine) -> None:
    for room in ("hall", "kitchen"):
        house("deposit", "smoke", room, "--payload", '{"detail": "x"}', "--intensity", "0.4", "--half-life", "9h")
    house("deposit", "smoke", "attic", "--payload", '{"detail": "x"}', "--intensity", "0.4")
    change(house, 'half_life = "10m"', 'half_life = "20m"')
    assert preview(house)["own_laws"] == {"smoke": 2}
    assert "2 marks of smoke with a law of its own, which stays" in house("check", "--against-board").out
    house("init")
    laws = {mark["subject"]: (mark["law"], mark["own_law"]) for mark in house("marks", "--json").json}
    assert laws == {
        "hall": ("exponential(half_life=9h)", True),
        "kitchen": ("exponential(half_life=9h)", True),
        "attic": ("exponential(half_life=20m)", False),
    }
    explained = house("explain", "watchman", "hall")
    assert "of smoke hall has a law of its own: exponential(half_life=9h)" in explained.out
    [watch] = house("explain", "watchman", "hall", "--json").json["watches"]
    assert [own["law"] for own in watch["own_laws"]] == ["exponential(half_life=9h)"]
    refused = house("deposit", "smoke", "hall", "--payload", '{"detail": "x"}', "--half-life", "1h")
    assert refused.code == 2
    assert "exponential(half_life=9h)" in refused.err


SECTIONED = """
from typing import Literal

from blackboard import Mark, agent, strength
from pydantic import BaseModel, ConfigDict, Field, field_validator


class Lead(Mark, kind="lead"):
    words: str


class Region(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    limit: int = Field(default=3, ge=1)


class ClerkSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    mode: Literal["kind", "strict"] = "kind"
    regions: list[Region]

    @field_validator("mode")
    @classmethod
    def check(cls, value):
        if value == "strict":
            raise KeyError("not yet")
        return value


@agent(watches=strength(Lead) >= 0.1, sections={"clerk": ClerkSettings})
def clerk(leads, context):
    assert ClerkSettings.model_validate(context.settings["clerk"])
"""


@pytest.mark.parametrize(
    ("section", "place", "message"),
    [
        ("", "settings.clerk.regions", "required"),
        ("[settings]\nclerk = 1", "settings.clerk", "must be a table"),
        ('[settings.clerk]\nregions = []\nmood = "x"', "settings.clerk.mood", "did you mean 'mode'?"),
        (
            "[settings.clerk]\nregions = [{name = 'north', limit = 0}]",
            "settings.clerk.regions.0.limit",
            "than or equal",
        ),
        ('[settings.clerk]\nregions = []\nmode = "strict"', "settings.clerk", "KeyError"),
    ],
)
def test_a_section_that_an_agent_declares_is_checked_before_anything_runs(
    house: CommandLine, section: str, place: str, message: str
) -> None:
    house.write("sectioned.py", SECTIONED)
    house.write("blackboard.toml", f'[deployment]\nagents = ["sectioned:clerk"]\n{section}\n')
    for command in (("check",), ("run", "--until-quiescent"), ("init",)):
        done = house(*command)
        assert done.code == 2, command
        assert place in done.err
        assert message in done.err
    house.write("blackboard.toml", '[deployment]\nagents = ["sectioned:clerk"]\n[settings.clerk]\nregions = []\n')
    assert house("check").code == 0


def test_a_section_whose_name_is_misspelt_and_a_key_in_clear_are_warned_of(house: CommandLine) -> None:
    house.write("sectioned_too.py", SECTIONED.replace("regions: list[Region]", "regions: list[Region] = []"))
    text = '[deployment]\nagents = ["sectioned_too:clerk"]\n[model]\nbase_url = "http://gateway.test/v1"\n'
    house.write("blackboard.toml", text + "[settings.clrek]\nregions = []\n[settings.notes]\nfree = true\n")
    done = house("check")
    assert done.code == 0
    assert "did you mean 'clerk'?" in done.err
    assert "settings.notes" not in done.err
    assert "model.base_url: http://gateway.test/v1 is not encrypted" in done.err
