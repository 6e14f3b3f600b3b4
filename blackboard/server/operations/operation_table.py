"""The table of all operations. The routes, the checks and the description follow from it."""

from __future__ import annotations

from blackboard.server.operations import (
    activation_operations,
    agent_operations,
    board_operations,
    bulk_deposits,
    claim_operations,
    deposit_operations,
    event_operation,
    mark_operations,
    outbox_operations,
    read_position_operations,
    search_operation,
)
from blackboard.server.request_handling.operation_definition import Operation

OPERATIONS: tuple[Operation, ...] = (
    *deposit_operations.OPERATIONS,
    *mark_operations.OPERATIONS,
    *bulk_deposits.OPERATIONS,
    *read_position_operations.OPERATIONS,
    *search_operation.OPERATIONS,
    *agent_operations.OPERATIONS,
    *activation_operations.OPERATIONS,
    *outbox_operations.OPERATIONS,
    *claim_operations.OPERATIONS,
    *board_operations.OPERATIONS,
    *event_operation.OPERATIONS,
)


def operations_by_path() -> dict[str, dict[str, Operation]]:
    """Return the operations of each path by their methods."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = operation
    return paths
