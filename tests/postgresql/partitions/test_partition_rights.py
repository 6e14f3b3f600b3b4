"""Commands that concern partitions, and the rights of users on them."""

from __future__ import annotations

import secrets
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from blackboard import Blackboard, ManualClock
from blackboard.board.diagnosis.doctor import examine_board
from blackboard.board.housekeeping import history_partitions
from blackboard.board.housekeeping.history_partitions import PartitionProgress
from blackboard.errors import StoreError
from tests.postgresql.partitions.partitioned_boards import (
    EVENTS,
    Smoke,
    copied,
    partition,
    partitioning,
    remove_partitions,
    remove_until,
)
from tests.support.command_line import CommandLine

pytestmark = pytest.mark.postgresql(only=True)


def test_init_gives_a_board_partitions(typed: CommandLine, empty_url: str) -> None:
    typed.write("blackboard.toml", f'[database]\nurl = "{empty_url}"\n')
    assert typed("init", "--partition-history").code == 0
    with Blackboard.open(empty_url) as board:
        assert partitioning(board).events == 1_000_000
        assert typed("init", "--partition-history", "--partition-events", "5000").code == 0
        assert partitioning(board).events == 5000
        assert typed("init").code == 0
        assert partitioning(board).events == 5000
    assert "1 partition of the history" in typed("doctor").out
    assert typed("status").code == 0


def test_init_refuses_partitions_in_a_file(typed: CommandLine) -> None:
    typed.write("blackboard.toml", '[database]\nurl = "sqlite:///board.db"\n')
    done = typed("init", "--partition-history")
    assert (done.code, "only for a board on PostgreSQL" in done.err) == (2, True)
    assert not (typed.folder / "board.db").exists()
    done = typed("init", "--partition-events", "5000")
    assert (done.code, "add --partition-history" in done.err) == (2, True)


def test_a_user_who_does_not_own_the_tables_deposits_and_forgets(
    board: Blackboard, empty_url: str, clock: ManualClock, foreign: psycopg.Connection[Any]
) -> None:
    copied(board, clock)
    while history_partitions.extend(board.session):
        pass
    user = f"user_{secrets.token_hex(4)}"
    foreign.execute(f"CREATE ROLE {user} LOGIN")
    foreign.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user}")
    foreign.commit()
    url = make_url(empty_url).set(username=user).render_as_string(hide_password=False)
    try:
        with Blackboard.open(url, author="person:bob", clock=clock) as other:
            other.deposit(Smoke(subject="by bob"))
            with pytest.raises(StoreError, match="no partition for new events"):
                other.deposit_many([Smoke(subject=f"{number}") for number in range(3 * EVENTS)])
            assert other.history("by bob")
            assert remove_until(other, 2) is PartitionProgress.DONE
            [finding] = [each for each in examine_board(other) if each.name == "partitions"]
            assert "does not own" in finding.detail
            other.forget("tower/0")
        assert board.query("SELECT count(*) FROM carried_event WHERE subject = 'tower/0'") == [(0,)]
        assert remove_partitions(board, 2) is PartitionProgress.DONE
    finally:
        foreign.execute(f"DROP OWNED BY {user}")
        foreign.execute(f"DROP ROLE {user}")
        foreign.commit()


def test_granted_rights_stay_when_a_board_gets_partitions(
    empty_url: str, clock: ManualClock, foreign: psycopg.Connection[Any]
) -> None:
    with Blackboard.open(empty_url, clock=clock, create=True) as board:
        role = f"role_{secrets.token_hex(4)}"
        foreign.execute(f"CREATE ROLE {role}; GRANT SELECT, UPDATE ON event TO {role}; GRANT SELECT ON costs TO {role}")
        foreign.commit()
        partition(board)
        query = f"SELECT has_table_privilege('{role}', {{}}, 'SELECT')"
        for name in ("'event'", "'event_partitioning'", "'costs'"):
            assert foreign.execute(query.format(name)).fetchone() == (True,)
        foreign.execute(f"DROP OWNED BY {role}")
        foreign.execute(f"DROP ROLE {role}")
        foreign.commit()
