"""Several hosts share a board on PostgreSQL: one is cut off and one killed, and nothing is lost or doubled."""

from __future__ import annotations

import contextlib

import pytest

from tests.cluster.cluster import HOSTS, cut_proxies, run_cluster
from tests.support.storage import PostgresqlStorage, Storage

pytestmark = [pytest.mark.postgresql(only=True), pytest.mark.processes, pytest.mark.timeout(600)]


def test_two_lost_hosts_lose_and_double_nothing(storage: Storage, empty_url: str) -> None:
    if not isinstance(storage, PostgresqlStorage):
        pytest.skip("this run has no PostgreSQL server")
    with contextlib.ExitStack() as stack:
        outcome = run_cluster(empty_url, cut_proxies(empty_url, stack), 60, lambda text: None)
    assert outcome.problems == []
    assert outcome.leads == 60
    assert sum(outcome.by_host.values()) == 60
    assert outcome.by_host[HOSTS[0]] > 0
