"""A check that each answer that a transaction on a server has kept is the one that the server would give now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from blackboard.store.database_server.server_transactions.server_transaction import ServerTransaction
from blackboard.store.database_server.server_transactions.statement_pipeline import Answer
from blackboard.store.statement_file import Statement

__all__ = ["check_transaction_cache"]


def check_transaction_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the server again for each kept answer that is used, and compare."""
    answer_of = ServerTransaction._answer  # noqa: SLF001 -- the only place that all answers pass

    def checked(self: ServerTransaction, statement: Statement[object], values: Mapping[str, Any]) -> Answer:
        sql, names = statement.compiled(self.dialect)
        given = [values[name] for name in names]
        was_kept = self._cache.find(statement, given) is not None
        answer = answer_of(self, statement, values)
        if was_kept:
            now = Answer()
            self._pipeline.add(sql, given, now)
            self.flush()
            for each in (now, answer):
                if "ORDER BY" not in sql:
                    each.rows = sorted(each.rows, key=repr)
            assert now.rows == answer.rows, f"{statement.name}: a kept answer is out of date"
        return answer

    monkeypatch.setattr(ServerTransaction, "_answer", checked)
