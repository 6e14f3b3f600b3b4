"""The pages in a real browser: what is drawn, what is updated, what is asked, and who can use it."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from blackboard import Curve, Decay, Exponential, Linear, Need, Never, Power, Step
from blackboard.server.http_app import build_app
from blackboard.server.pages.chart_data import law_for_browser
from blackboard.server.transport.addresses import Address
from blackboard.server.transport.http_server import HttpServer
from blackboard.settings.sections import ServerSection
from tests.pages.browsers import READER, new_tab, opened
from tests.pages.page_streams import PageStream
from tests.support.served_board import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Response

EVIL = '<img src=x onerror="window.harmed=1"><script>window.harmed=1</script>'
ADDRESSES = (
    "/", "/agenda", "/activations", "/inbox", "/agents", "/deployment", "/costs", "/health", "/sql", "/subject",
    "/subject?subject=lead/1",
)  # fmt: skip
WIDTHS = ((1440, "light"), (390, "dark"))


def fill(served: Served) -> None:
    """Put something on each page."""
    board = served.board
    board.deposit("lead", subject="lead/1", payload={"company": "Nordlicht"})
    board.deposit("note", subject="lead/1", payload={"text": "asked for a quote", "topic": "price"})
    board.deposit(Need(subject="lead/1", question="Give a discount?", options=["yes", "no"]))
    board.deposit(Need(subject="lead/2", question="When?"))


@pytest.mark.parametrize(("width", "scheme"), WIDTHS)
def test_each_page_loads_without_a_message_fits_its_window_and_is_accessible(
    served: Served, browser: Browser, width: int, scheme: str
) -> None:
    fill(served)
    axe = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    for address in ADDRESSES:
        with opened(browser, served, address, width=width, color_scheme=scheme) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
            page.evaluate(axe)
            found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
            serious = [
                (rule["id"], [node["html"] for node in rule["nodes"]][:3])
                for rule in found
                if rule["impact"] in ("serious", "critical")
            ]
            assert serious == [], address


LAWS: tuple[Decay, ...] = (
    Exponential("3d"), Linear("90m"), Power("2h", 1.7), Step("45s"), Never(), Curve([("1h", 0.5), ("2h", 0.1)]),
)  # fmt: skip


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_the_browser_computes_what_python_computes(served: Served, browser: Browser, law: Decay) -> None:
    ages = [round(3 * 86_400e6 * (number / 1000) ** 3) for number in range(1000)]
    with opened(browser, served, "/") as page:
        shares = page.evaluate(
            """async ([law, ages]) => {
              const script = document.querySelector("script[src$='live.js']").src.replace("live.js", "decay.js");
              const { share } = await import(script);
              return ages.map((age) => share(law, age / 1000));
            }""",
            [law_for_browser(law), ages],
        )
    assert shares == pytest.approx([law.share(age) for age in ages], rel=1e-12, abs=1e-15)


def test_a_law_that_the_browser_does_not_know_is_drawn_between_samples() -> None:
    class Root(Exponential):
        def share(self, age: float) -> float:
            return math.exp(-math.sqrt(age / self.length))

    law = law_for_browser(Root("1h"))
    points = law["points"]
    assert law["law"] == "curve"
    assert isinstance(points, list)
    assert (points[0], len(points)) == ([0.0, 1.0], 513)


def test_a_strength_fades_on_the_open_page(served: Served, browser: Browser) -> None:
    receipt = served.board.deposit("reply", subject="lead/1")
    with opened(browser, served, "/?kind=reply") as page:
        shown = f"Number(document.querySelector(\"[data-strength='{receipt.mark_id}']\").textContent)"
        page.wait_for_function(f"() => {shown} > 0.9")  # a busy machine may take minutes here
        page.clock.install()
        page.clock.fast_forward("30:00")
        page.wait_for_function(f"() => {shown} > 0.4 && {shown} <= 0.5")


def test_what_is_deposited_appears_and_what_was_opened_stays_open(served: Served, browser: Browser) -> None:
    fill(served)
    with opened(browser, served, "/subject?subject=lead/1") as page:
        page.locator("[data-live=events] details").first.locator("summary").click()
        served.clock.advance(timedelta(minutes=1))
        served.board.deposit("note", subject="lead/1", payload={"text": "called again", "topic": "price"})
        page.locator("[data-live=events] tbody tr").nth(3).wait_for()
        assert page.locator("[data-live=events] details[open]").count() == 1


def test_an_answer_is_given_in_place(served: Served, browser: Browser) -> None:
    fill(served)
    with opened(browser, served, "/inbox") as page:
        page.get_by_role("button", name="yes").click()
        page.get_by_role("status").filter(has_text="Your answer was stored").wait_for()
        page.get_by_text("Give a discount?").wait_for(state="detached")
        page.get_by_label("Your answer").fill("on Tuesday")
        page.get_by_role("button", name="Answer").click()
        page.get_by_text("No question waits").wait_for()
    decisions = {mark.subject: mark for mark in served.board.marks("decision")}
    assert {subject: mark.payload["answer"] for subject, mark in decisions.items()} == {
        "lead/1": "yes",
        "lead/2": "on Tuesday",
    }
    assert all(mark.author.startswith("token") for mark in decisions.values())


def test_what_has_consequences_is_asked_first(served: Served, browser: Browser) -> None:
    with opened(browser, served, "/agents?agent=sales") as page:
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        assert served.board.agents()[2].state != "paused"
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("dialog").get_by_role("button", name="Yes").click()
        page.get_by_role("button", name="Resume").wait_for()
    assert served.board.status().paused_agents == {"sales": None}


def test_what_was_refused_says_why(served: Served, browser: Browser) -> None:
    need = served.board.deposit(Need(subject="lead/1", question="Give a discount?", options=["yes", "no"]))
    with opened(browser, served, "/inbox", expected="status of 422") as page:
        page.evaluate("document.querySelector('article button').value = 'perhaps'")
        page.get_by_role("button", name="yes").click()
        page.locator("#said .wrong").wait_for()
        text = page.locator("#said").text_content() or ""
    assert "perhaps" in text
    assert [mark.id for mark in served.board.inbox()] == [need.mark_id]


def test_a_filter_survives_a_reload(served: Served, browser: Browser) -> None:
    fill(served)
    with opened(browser, served, "/") as page:
        page.get_by_label("Kind").select_option("note")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**kind=note**")
        page.reload()
        page.wait_for_selector("#connection[data-state=live]")
        assert page.get_by_label("Kind").input_value() == "note"
        kinds = page.locator("#mark-rows tr td:nth-child(2)").all_text_contents()
    assert kinds == ["note"]


def test_a_redacted_viewer_gets_no_word_of_a_depositor_in_any_response(served: Served, browser: Browser) -> None:
    fill(served)
    bodies: list[str] = []

    def keep(response: Response) -> None:
        if "text/event-stream" not in response.headers.get("content-type", ""):
            bodies.append(response.text())

    for address in ("/", "/agenda", "/activations", "/inbox", "/agents", "/deployment", "/costs", "/health"):
        with opened(browser, served, address, may=("read-redacted",)) as page:
            page.on("response", keep)
            page.reload()
            page.wait_for_selector("#connection[data-state=live]")
            bodies.append(page.content())
    assert len(bodies) > 40
    assert [body for body in bodies for word in ("Nordlicht", "lead/1", "discount") if word in body] == []


def test_markup_in_a_mark_changes_nothing(served: Served, browser: Browser) -> None:
    board = served.board
    subject = f"lead/{EVIL}"
    board.deposit("lead", subject=subject, payload={"company": EVIL})
    board.deposit("note", subject=subject, payload={"text": EVIL, "topic": EVIL})
    board.as_author(EVIL[:60]).deposit("reply", subject=subject, payload={"text": EVIL})
    board.deposit(Need(subject=subject, question=EVIL, options=[EVIL, "no"], detail=EVIL))
    board.pause("sales", reason=EVIL)
    for address in ("/", "/agenda", "/inbox", "/agents", "/health", "/subject"):
        with opened(browser, served, address) as page:
            board.deposit("reply", subject=subject, payload={"text": f"{address} {EVIL}"})  # by the stream as well
            page.wait_for_function("() => performance.now() > 600")
            assert page.evaluate("window.harmed") is None
            assert page.locator("main img, main script:not([type])").count() == 0


def test_the_keyboard_alone_reaches_everything(served: Served, browser: Browser) -> None:
    fill(served)
    for address in ("/", "/inbox", "/agents", "/sql"):
        with opened(browser, served, address) as page:
            # The elements are remembered, not marked: an update of the page takes foreign attributes away.
            page.evaluate(
                """() => {
                  const kinds = "a[href], button, input, select, textarea, summary, [tabindex='0']";
                  const reached = new Set();
                  window.notReached = () => {
                    reached.add(document.activeElement);
                    return [...document.querySelectorAll(kinds)]
                      .filter((item) => item.checkVisibility() && !item.disabled && item.tabIndex >= 0)
                      .filter((item) => !reached.has(item)).length;
                  };
                }"""
            )
            left: int = page.evaluate("notReached()")
            assert left > 5, address
            for _ in range(left + 5):
                page.keyboard.press("Tab")
                left = page.evaluate("notReached()")
            assert left == 0, address


def test_the_time_line_goes_back_and_forth(served: Served, browser: Browser) -> None:
    served.board.deposit("reply", subject="lead/1")
    with opened(browser, served, "/") as page:
        lanes = page.locator("#lanes")
        lanes.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_url("**at=**")
        assert "in " in (page.locator("#instant").text_content() or "")
        page.get_by_role("button", name="Back to now").click()
        page.wait_for_url(lambda url: "at=" not in url)
        page.wait_for_selector("#connection[data-state=live]")
        box = page.locator("#lanes").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 300, box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 800, box["y"] + 20, steps=5)
        page.mouse.up()
        page.wait_for_url("**at=**")
        page.get_by_text("There are no marks.").wait_for()


@pytest.mark.processes  # the server starts a process
def test_a_query_gives_a_table_a_chart_and_a_file(served: Served, browser: Browser) -> None:
    fill(served)
    with opened(browser, served, "/sql") as page:
        page.get_by_label("Query").fill("SELECT kind, count(*) AS number, 'a,\"b' AS odd FROM live_marks GROUP BY kind")
        page.get_by_role("button", name="Run").click()
        page.get_by_text("2 rows").wait_for()
        assert page.locator("#plot rect").count() == 2
        with page.expect_download() as download:
            page.get_by_role("button", name="CSV").click()
        lines = Path(download.value.path()).read_text().splitlines()
        page.reload()
        page.get_by_text("2 rows").wait_for()  # the address has the query
    assert lines[0] == "kind,number,odd"
    assert lines[1] == 'lead,1,"a,""b"'


def test_a_page_works_again_after_the_server_was_restarted(served: Served, browser: Browser) -> None:
    served.board.deposit("lead", subject="lead/1")
    section = ServerSection(listen="127.0.0.1:0", requests_per_second=100_000)

    def server(listen: str) -> HttpServer:
        address = Address.parse(listen)
        return HttpServer(build_app(served.board, section, "offline rules", address), section, address)

    token = served.client(*READER).headers["authorization"]
    tab = new_tab(browser, extra_http_headers={"Authorization": token})
    page = tab.new_page()
    with server("127.0.0.1:0") as first:
        page.goto(f"{first.url}/?kind=lead")
        page.wait_for_selector("#connection[data-state=live]")
    page.wait_for_selector("#connection[data-state='not connected']")
    served.board.deposit("lead", subject="lead/2")
    with server(first.url.removeprefix("http://")):
        page.wait_for_selector("#connection[data-state=live]")
        page.get_by_role("link", name="lead/2").first.wait_for()
        tab.close()


def test_fifty_browsers_cost_one_rendering(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from blackboard.server.pages import page_rendering, page_routes

    rendered: list[str] = []
    original = page_rendering.live_parts

    def counted(name: str, values: Any) -> dict[str, str]:
        rendered.append(name)
        return original(name, values)

    monkeypatch.setattr(page_routes, "live_parts", counted)
    client = served.client("read")
    streams = [PageStream(client, "/agenda") for _ in range(50)]
    for stream in streams:
        stream.__enter__()
        assert stream.next().event == "all"
    first = len(rendered)
    served.board.deposit("lead", subject="lead/1")
    assert {json.dumps(stream.next().data) for stream in streams} != set()
    assert len(rendered) - first < 10  # not one for each of the 50 streams
    for stream in streams:
        stream.__exit__(None, None, None)
