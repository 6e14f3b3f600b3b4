"""The demo on the page: it runs to its end there, and an answer in the inbox wakes the desk."""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.pages.browsers import new_tab
from tests.support.bounds import BOUND_SECONDS
from tests.support.started_processes import ROOT, started

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.processes


@pytest.mark.timeout(600)
def test_the_demo_runs_to_its_end_on_the_page_and_an_answer_wakes_the_desk(tmp_path: Path, browser: Browser) -> None:
    links = tmp_path / "links"
    os.mkfifo(links)
    reader = os.open(links, os.O_RDONLY | os.O_NONBLOCK)
    opener = tmp_path / "opener"
    opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {links}\n')
    opener.chmod(0o755)
    command = ["-m", "blackboard"]
    environment = {"BROWSER": f"{opener} %s", "BLACKBOARD_SERVER__LISTEN": "127.0.0.1:0", "COLUMNS": "200"}
    with started([*command, "demo", "--open"], folder=tmp_path, environment=environment) as demo:
        assert select.select([reader], [], [], BOUND_SECONDS)[0], demo.lines
        tab = new_tab(browser)
        page = tab.new_page()
        page.goto(os.read(reader, 4096).decode())
        page.wait_for_selector("#connection[data-state=live]")
        page.get_by_role("row").filter(has_text="qualified").first.wait_for()  # while it runs
        demo.line(lambda line: "unfinished" in line or "served until" in line)
        page.get_by_role("link", name="Inbox").click()
        question = page.get_by_role("article").filter(has_text="When shall we meet")
        question.wait_for()
        daemon = [*command, "--config", str(ROOT / "config" / "demo.toml"), "--database", "demo.db", "run"]
        with started(daemon, folder=tmp_path / "demo", environment=environment):
            question.get_by_label("Your answer").fill("2026-12-03T10:00")
            question.get_by_role("button", name="Answer").click()
            question.wait_for(state="detached")
            page.get_by_role("link", name="Activations").click()
            page.get_by_role("row").filter(has_text="decision").filter(has_text="done").first.wait_for()
        tab.close()
        demo.signal(signal.SIGINT)
        assert demo.ends() == 0
    os.close(reader)
