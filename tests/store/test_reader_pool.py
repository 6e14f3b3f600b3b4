"""A pool of reading connections closes each of them, even one that a thread returns while another closes the pool."""

from __future__ import annotations

from typing import Any

from blackboard.store.connections.reader_pool import ConnectionUses, ReaderPool


class Connection:
    """A connection that knows whether it is closed."""

    is_closed = False

    def close(self) -> None:
        self.is_closed = True


class LateReturns(list[Any]):
    """The idle connections of a pool that another thread retires while a connection is returned."""

    def __init__(self, pool: ReaderPool) -> None:
        super().__init__([Connection()])
        self.pool = pool

    def append(self, connection: Any) -> None:
        self.pool.retire()
        super().append(connection)


def test_a_connection_that_is_returned_while_its_pool_is_retired_is_closed() -> None:
    pool = ReaderPool(ConnectionUses())
    first, second = Connection(), Connection()
    with pool.lend(lambda: first):
        pool.idle = late = LateReturns(pool)
    with pool.lend(lambda: second):
        pass
    assert [connection.is_closed for connection in (first, second)] == [True, True]
    assert late == []
