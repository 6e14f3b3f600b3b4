"""Take the pictures of the pages in `docs/pictures` from the demo, in light and dark; `make pictures` runs this.

It needs a Chromium on the PATH. The demo runs for half a minute, and its board is shown as it is at the end.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from playwright.sync_api import Page, ViewportSize

from tests.pages.browsers import open_browser

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
PAGES = {
    "board": "/",
    "subject": "/subject?subject=desk",
    "inbox": "/inbox",
}
SIZE: ViewportSize = {"width": 1280, "height": 760}
SECONDS = 120


def main() -> None:
    """Take the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, open_browser() as browser:
        folder = Path(name)
        links = folder / "links"
        os.mkfifo(links)
        reader = os.open(links, os.O_RDONLY | os.O_NONBLOCK)
        opener = folder / "opener"
        opener.write_text(f'#!/bin/sh\nprintf %s "$1" > {links}\n')
        opener.chmod(0o755)
        environment = {**os.environ, "BROWSER": f"{opener} %s", "BLACKBOARD_SERVER__LISTEN": "127.0.0.1:0"}
        demo = subprocess.Popen(
            [sys.executable, "-u", "-m", "blackboard", "demo", "--open"],
            cwd=folder, env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        output: IO[str] = demo.stdout  # type: ignore[assignment]
        try:
            if not select.select([reader], [], [], SECONDS)[0]:
                raise SystemExit("the demo opened no browser")
            tab = browser.new_context(viewport=SIZE)
            page = tab.new_page()
            page.goto(os.read(reader, 4096).decode())
            page.wait_for_selector("#connection[data-state=live]")
            while "served until" not in (line := output.readline()):
                if not line:
                    raise SystemExit("the demo ended early")
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                for picture, address in PAGES.items():
                    _take(page, address, FOLDER / f"{picture}-{scheme}.png")
        finally:
            demo.send_signal(signal.SIGINT)
            demo.communicate(timeout=SECONDS)
            os.close(reader)


def _take(page: Page, address: str, path: Path) -> None:
    """Take the picture of a page once it is connected and its time is in words."""
    page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + address)
    page.wait_for_selector("#connection[data-state=live]")
    page.wait_for_function("() => performance.now() > 1200")
    page.screenshot(path=path)


if __name__ == "__main__":
    main()
