"""A check that each result in the cache of a transaction is the one that the database server would return now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from blackboard.store.postgresql.pipelined_transactions.postgresql_transaction import PostgresqlTransaction
from blackboard.store.postgresql.pipelined_transactions.statement_pipeline import StatementResult
from blackboard.store.statement_file import Statement

__all__ = ["check_transaction_cache"]


def check_transaction_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read each cached result that is used again from the database server, and compare."""
    execute = PostgresqlTransaction._execute  # noqa: SLF001 -- the only place that all results pass

    def checked(
        self: PostgresqlTransaction, statement: Statement[object], values: Mapping[str, Any]
    ) -> StatementResult:
        sql, names = statement.compile(self.dialect)
        given = [values[name] for name in names]
        was_kept = self._cache.find(statement, given) is not None
        result = execute(self, statement, values)
        if was_kept:
            now = StatementResult()
            self._pipeline.add(sql, given, now)
            self.flush()
            for each in (now, result):
                if "ORDER BY" not in sql:
                    each.rows = sorted(each.rows, key=repr)
            assert now.rows == result.rows, f"{statement.name}: a cached result is out of date"
        return result

    monkeypatch.setattr(PostgresqlTransaction, "_execute", checked)
