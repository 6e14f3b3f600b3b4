"""Users of a server need only the rights that their commands need."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import make_url

from blackboard import Blackboard, Mark
from blackboard.errors import StoreError
from tests.postgresql.server_sessions import ServerSessions

pytestmark = pytest.mark.postgresql(only=True)


class Ash(Mark, kind="ash", on_repeat="separate"):
    """A kind of which each deposit is a mark."""


@pytest.fixture(params=["SELECT", "SELECT, INSERT, UPDATE, DELETE"], ids=["a reader", "a depositor"])
def user_url(request: pytest.FixtureRequest, board: Blackboard, sessions: ServerSessions) -> Iterator[str]:
    """Return the URL of the board for a user with these rights."""
    board.deposit(Ash(subject="first"))
    user = f"blackboard_test_{secrets.token_hex(6)}"
    with sessions.foreign() as owner:
        owner.execute(f"CREATE ROLE {user} LOGIN")
        owner.execute(f"GRANT {request.param} ON ALL TABLES IN SCHEMA public TO {user}")
        yield make_url(sessions.url).set(username=user).render_as_string()
        owner.execute(f"DROP OWNED BY {user}")
        owner.execute(f"DROP ROLE {user}")


def test_a_user_reads_and_deposits_as_far_as_its_rights_go(
    user_url: str, board: Blackboard, request: pytest.FixtureRequest
) -> None:
    with Blackboard.open(user_url, writes=False) as mine:
        assert len(mine.marks()) == 1
        assert mine.query("SELECT strength FROM live_marks")
        if "depositor" in request.node.callspec.id:
            mine.deposit(Ash(subject="second"))
        else:
            with pytest.raises(StoreError, match="grant the user the right"):
                mine.deposit(Ash(subject="second"))
    assert len(board.marks()) == (2 if "depositor" in request.node.callspec.id else 1)
