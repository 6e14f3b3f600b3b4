"""Every value of a deployment file or the environment is accepted or refused with its place, all together."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from blackboard.core.specs.agent_spec import Budget
from blackboard.durations import parse_duration
from blackboard.errors import ConfigurationError
from blackboard.llm.model_settings import ModelSettings
from blackboard.settings.deployment_file import examine_settings, find_config, load_settings
from blackboard.settings.sections import (
    AgentSection,
    AuthorSection,
    DaemonSection,
    DatabaseSection,
    DeploymentSection,
    KindSection,
)
from blackboard.system.files.packaged_files import config_file


def written(folder: Path, text: str) -> Path:
    path = folder / "board.toml"
    path.write_text(text, "utf-8")
    return path


def mistakes(path: Path, environ: dict[str, str] | None = None) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, environ or {})
    return {mistake.place.rpartition(", ")[2]: mistake.message for mistake in caught.value.mistakes}


def test_an_empty_file_equals_the_packaged_default(tmp_path: Path) -> None:
    empty, default = load_settings(written(tmp_path, ""), {}), load_settings(config_file("default.toml"), {})
    assert empty.model_dump() == default.model_dump()


def test_the_default_names_every_setting(tmp_path: Path) -> None:
    lines = config_file("default.toml").read_text("utf-8").splitlines()
    text = "\n".join(line.removeprefix("# ") for line in lines)
    sections = (DatabaseSection, DeploymentSection, ModelSettings, Budget, DaemonSection, KindSection, AgentSection)
    for section in (*sections, AuthorSection):
        for name in section.model_fields:
            assert f"\n{name} = " in text or f".{name}." in text, f"{section.__name__}: {name}"


def test_the_default_is_valid_without_its_comments(tmp_path: Path) -> None:
    lines = config_file("default.toml").read_text("utf-8").splitlines()
    settings = [line.removeprefix("# ") for line in lines[4:] if line and not line.startswith("#  ")]
    sections = "\n".join(line for line in settings if "base_url" not in line and not line.startswith("or "))
    assert load_settings(written(tmp_path, sections), {}).path == tmp_path / "board.toml"


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, '[database]\nurl = "sqlite:///a.db"\n[agents.sales]\nbatch = 3\nbatch_window = "1s"\n')
    environ = {
        "BLACKBOARD_DATABASE__URL": "sqlite:///b.db",
        "BLACKBOARD_AGENTS__SALES__BATCH": "7",
        "BLACKBOARD_DEPLOYMENT__AGENTS": '["a:b", "c:d"]',
        "BLACKBOARD_DAEMON__KEEP_HISTORY": "none",
        "BLACKBOARD_SETTINGS__LEAD_DESK__TIME_ZONE": "Europe/Berlin",
    }
    settings = load_settings(path, environ)
    assert settings.database.url == "sqlite:///b.db"
    assert (settings.agents["sales"].batch, settings.agents["sales"].batch_window) == (7, parse_duration("1s"))
    assert settings.deployment.agents == ("a:b", "c:d")
    assert settings.daemon.keep_history is None
    assert settings.settings == {"lead_desk": {"time_zone": "Europe/Berlin"}}


def test_the_file_is_the_one_named_or_the_local_one_or_the_packaged_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(None, {}) == config_file("default.toml")
    (tmp_path / "blackboard.toml").touch()
    assert find_config(None, {}) == Path("blackboard.toml")
    other = written(tmp_path, "")
    assert find_config(None, {"BLACKBOARD_CONFIG": str(other)}) == other
    assert find_config(other, {"BLACKBOARD_CONFIG": "no.toml"}) == other
    with pytest.raises(ConfigurationError, match=r"BLACKBOARD_CONFIG no\.toml: does not exist"):
        find_config(None, {"BLACKBOARD_CONFIG": "no.toml"})


def test_every_mistake_is_reported_with_its_place_and_the_nearest_name(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[databse]\nurl = "x"\n[agents.sales]\nbach = 1\nbatch_window = 10\n'
        "[agents.sales.watches.new]\nthreshhold = 1\n"
        '[authors]\nweb = -1\n[daemon]\ntick = "soon"\nlease = "0s"\nworkers = 0\n[model]\nprovider = "nobody"\n',
    )
    found = mistakes(path)
    assert found["databse"].endswith("did you mean 'database'?")
    assert found["agents.sales.bach"].endswith("did you mean 'batch'?")
    assert "a bare number has no unit" in found["agents.sales.batch_window"]
    assert found["agents.sales.watches.new.threshhold"].endswith("did you mean 'threshold'?")
    assert found["authors.web"].endswith("not -1")
    assert "is not a duration" in found["daemon.tick"]
    assert found["daemon.lease"] == "must be longer than 0s"
    assert found["daemon.workers"].endswith("not 0")
    assert "'anthropic' or 'offline'" in found["model.provider"]
    assert len(found) == 9


def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    found = mistakes(
        written(tmp_path, ""),
        {
            "BLACKBOARD_DATABSE__URL": "x",
            "BLACKBOARD_DAEMON__TICK": "3",
            "BLACKBOARD_DEPLOYMENT__AGENTS": "not json",
        },
    )
    assert found["BLACKBOARD_DATABSE__URL"].endswith("did you mean 'database'?")
    assert "a bare number" in found["BLACKBOARD_DAEMON__TICK"]
    assert "JSON" in found["BLACKBOARD_DEPLOYMENT__AGENTS"]


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("BLACKBOARD_DEPLOYMENT__AGENTS", "[1]", "valid string"),
        ("BLACKBOARD_DEPLOYMENT__AGENTS", '{"a": 1}', "valid list"),
        ("BLACKBOARD_DAEMON", '{"tick": "soon"}', "is not a duration"),
        ("BLACKBOARD_DAEMON", "tick", "write it as JSON"),
        ("BLACKBOARD_DAEMON__TICK__TOCK", "1s", "duration"),
        ("BLACKBOARD_DAEMON__TIKC", "1s", "did you mean 'tick'?"),
        ("BLACKBOARD_AGENTS__SALES__BATCH", "-3", "not '-3'"),
        ("BLACKBOARD_AGENTS__SALES__BATSH", "3", "did you mean 'batch'?"),
        ("BLACKBOARD_AGENTS__SALES__WATCHES__NEW__MIN_INCREASE", "0", "greater than 0"),
        ("BLACKBOARD_AGENTS__SALES__WATCHES", '{"new": {"min_increase": 0}}', "greater than 0"),
        ("BLACKBOARD_KINDS__RAIN__WEIGHT", "heavy", "valid number"),
        ("BLACKBOARD_AUTHORS__WEB", "-1", "not '-1'"),
        ("blackboard_model__provider", "nobody", "'anthropic' or 'offline'"),
    ],
)
def test_a_wrong_value_is_reported_where_it_was_set(tmp_path: Path, variable: str, value: str, message: str) -> None:
    right = '[daemon]\ntick = "3s"\nworkers = 2\n[agents.sales]\nbatch = 3\n[authors]\nweb = 1\n'
    found = mistakes(written(tmp_path, right), {variable: value})
    assert list(found) == [variable]
    assert message in found[variable]


def test_mistakes_beside_an_override_are_reported_in_the_file(tmp_path: Path) -> None:
    wrong = '[daemon]\ntick = "soon"\nworkers = 0\n'
    found = mistakes(written(tmp_path, wrong), {"BLACKBOARD_DAEMON": '{"batch_api_interval": "9s"}'})
    assert set(found) == {"daemon.tick", "daemon.workers"}
    found = mistakes(written(tmp_path, wrong), {"BLACKBOARD_DAEMON__TICK": "later", "BLACKBOARD_DAEMON__WORKERS": "2"})
    assert set(found) == {"BLACKBOARD_DAEMON__TICK", "daemon.tick"}


def test_a_variable_is_parsed_by_the_type_of_its_setting(tmp_path: Path) -> None:
    environ = {
        "BLACKBOARD_KINDS__RAIN__DECAY": "linear 2d",
        "BLACKBOARD_KINDS__SNOW__DECAY__LAW": "linear",
        "BLACKBOARD_KINDS__SNOW__DECAY__LIFETIME": "2d",
        "BLACKBOARD_KINDS__HAIL__DECAY": '{"law": "never"}',
        "BLACKBOARD_DAEMON": '{"workers": 3, "tick": "4s"}',
        "BLACKBOARD_DAEMON__TICK": "5s",
        "BLACKBOARD_SETTINGS__LEAD_DESK__DAYS": "[1, 2]",
        "BLACKBOARD_SETTINGS__LEAD_DESK__NAME": "the desk",
        "BLACKBOARD_AGENTS__SALES__WATCHES__NEW__THRESHOLD": "0.5",
        "BLACKBOARD_DATABASE__AUTHOR": "[1]",
    }
    settings = load_settings(written(tmp_path, "[settings.lead_desk]\nplace = 1\n[kinds.rain]\nweight = 2\n"), environ)
    assert settings.kinds["rain"].decay == "linear 2d"
    assert settings.kinds["rain"].weight == 2
    assert settings.kinds["snow"].decay == {"law": "linear", "lifetime": "2d"}
    assert settings.kinds["hail"].decay == {"law": "never"}
    assert (settings.daemon.workers, settings.daemon.tick) == (3, parse_duration("5s"))
    assert settings.settings == {"lead_desk": {"place": 1, "days": [1, 2], "name": "the desk"}}
    assert settings.agents["sales"].watches["new"].threshold == 0.5
    assert settings.database.author == "[1]"


@pytest.mark.parametrize(("data", "message"), [(b"a = ", "is not valid TOML"), (b"a = '\xff'", "is not UTF-8 text")])
def test_an_unreadable_file_is_reported(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "board.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match=message):
        load_settings(path, {})


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, "\ufeff[daemon]\nworkers = 3\n"), {}).daemon.workers == 3


@pytest.mark.parametrize("name", ["default.toml", "leads.toml", "demo.toml"])
def test_the_packaged_files_are_valid(name: str) -> None:
    assert tomllib.loads(config_file(name).read_text("utf-8"))
    load_settings(config_file(name), {})


def test_a_mistake_in_a_list_hides_no_other_mistake(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '[[sinks]]\nname = "a"\ntopics = []\nwebhook = { url = "http://x" }\n[[sinks]]\nname = "b c"\non = ["need"]\n'
        '[budget]\nusd_per_day = "much"\n',
    )
    found = mistakes(path)
    assert "there is no setting 'topics'" in found["sinks.0.topics"]
    assert "must start with https" in found["sinks.0.webhook"]
    assert "'b c' is not the name of a sink" in found["sinks.1.name"]
    assert found["budget.usd_per_day"].endswith(", not 'much'")
    assert examine_settings(path, {})[0].path == path
