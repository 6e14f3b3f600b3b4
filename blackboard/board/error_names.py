"""The stable names of errors, by which a server reports them to programs in other processes as types of problems."""

from __future__ import annotations

from collections.abc import Mapping

from blackboard import errors
from blackboard.errors import BlackboardError

PROBLEM_PREFIX = "urn:blackboard:problem:"
"""The beginning of the `type` of a problem; the name follows."""

ERROR_NAMES: Mapping[type[BlackboardError], str] = {
    errors.UnknownName: "unknown-name",
    errors.UniqueConflict: "unique-conflict",
    errors.InvalidMark: "invalid-mark",
    errors.KeyReused: "key-reused",
    errors.Conflict: "conflict",
    errors.LawConflict: "law-conflict",
    errors.OutOfOrder: "out-of-order",
    errors.InvalidQuery: "invalid-query",
    errors.InvalidSearch: "invalid-search",
    errors.UsageError: "invalid",
    errors.StoreBusy: "store-busy",
    errors.StoreExhausted: "storage-full",
    errors.StoreUnknown: "outcome-unknown",
    errors.StoreError: "store-unusable",
    errors.LeaseLost: "lease-lost",
    errors.AgentError: "invalid-result",
    errors.AgentInUse: "agent-in-use",
    errors.NotFound: "not-found",
    errors.MissingPackage: "missing-package",
    errors.QueryStopped: "query-stopped",
    errors.WorkError: "not-possible",
    BlackboardError: "internal",
}
"""The name of each error; an error that is not listed has the name of its base class. No two errors share a name."""
