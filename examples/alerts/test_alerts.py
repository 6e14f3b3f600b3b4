"""The tests of the correlator. The files *.board.toml beside this one are also tests."""

import math
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from alerts import Ack, Error, Escalation, Page, Recovery, closer, digest, pager
from blackboard import Blackboard, ManualClock, Withdraw
from blackboard.testing import context, mark
from make_day import START, day
from plain import alert_loop
from replay_day import events, line, run

HERE = Path(__file__).parent
LINES = [[at.isoformat(), *values] for at, *values in day()]


def test_a_page_ends_an_earlier_acknowledgement() -> None:
    earlier = mark(Ack, "api")
    woken = context(pager, subject="api", reads=[earlier])
    woken.watch = "errors"
    assert pager([mark(Error, "api")], woken) == [Page(subject="api", why="errors"), Withdraw(earlier)]


def test_an_alert_that_makes_both_watches_cross_is_one_page() -> None:
    woken = context(pager, subject="api", reads=[mark(Page, "api", why="weight")])
    assert pager([mark(Error, "api")], woken) == []


def test_a_recovery_ends_the_page() -> None:
    page = mark(Page, "api", why="weight")
    closed = closer([], context(closer, subject="api", reads=[page]))
    assert closed == [Recovery(subject="api", why="weight"), Withdraw(page)]


def test_the_digest_counts() -> None:
    marks = [mark(Page, "api", why="weight"), mark(Recovery, "db", why="errors"), mark(Escalation, "api", why="errors")]
    assert digest([], context(digest, reads=marks)).text == "1 over, 1 open, 1 escalated"


def test_the_day_becomes_the_messages_of_the_guide_and_of_the_plain_loop(tmp_path: Path) -> None:
    with Blackboard.open(tmp_path / "day.db", clock=ManualClock(START)) as board:
        sent = run(board, events(["at,kind,service,detail", *map(",".join, LINES)]))

    pages = [service for _, kind, service, _ in sent if kind == "page"]
    assert pages == ["db", "api", "auth", "mail", "mail", "search", "billing"]
    nine_in_berlin = datetime(2026, 3, 29, 7, tzinfo=UTC)
    assert [at for at, kind, *_ in sent if kind == "digest"] == [nine_in_berlin]
    shown = "\n".join(line(*one) for one in sent)
    assert f"```text\n{shown}\n```" in (HERE / "README.md").read_text("utf-8")
    assert sorted(sent_by_the_loop(tmp_path / "alert_loop.db")) == sorted(
        (at_next_look(at, kind), kind, *about) for at, kind, *about in sent
    )


def sent_by_the_loop(file: Path) -> list[tuple[float, str, str, str]]:
    db = sqlite3.connect(file)
    alert_loop.run(db, LINES)
    messages = [(at, kind, service, detail) for at, kind, service, detail in db.execute("select * from message")]
    db.close()
    return messages


def at_next_look(at: datetime, kind: str) -> float:
    """Return when the loop sends what a board sends at an instant: a page immediately, all else at the next minute."""
    return at.timestamp() if kind == "page" else math.ceil(at.timestamp() / alert_loop.MINUTE) * alert_loop.MINUTE
