"""The statements of each file in `sql/`. The stub beside this module gives each statement its type."""

from __future__ import annotations

from blackboard.store.statement_file import StatementFile

MARKS = StatementFile("marks")
CROSSINGS = StatementFile("crossings")
ACTIVATIONS = StatementFile("activations")
MODEL_CALLS = StatementFile("model_calls")
DEPLOYMENTS = StatementFile("deployments")
ERASURE = StatementFile("erasure")
RETENTION = StatementFile("retention")
WINDOWS = StatementFile("windows")
SEARCH = StatementFile("search")
TOKENS = StatementFile("tokens")
ACTIVITY = StatementFile("activity")
OUTBOX = StatementFile("outbox")
