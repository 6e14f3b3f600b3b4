"""The table of all operations. The routes, the checks and OpenAPI follow from it."""

from __future__ import annotations

from blackboard.server.api_framework.operation_definition import Operation
from blackboard.server.operations import (
    activation_operations,
    agents_and_agenda_operations,
    board_operations,
    bulk_deposits,
    claim_operations,
    deposit_operations,
    event_operations,
    file_position_operations,
    mark_operations,
    need_operations,
    outbox_operations,
)

OPERATIONS: tuple[Operation, ...] = (
    *deposit_operations.OPERATIONS,
    *mark_operations.OPERATIONS,
    *bulk_deposits.OPERATIONS,
    *file_position_operations.OPERATIONS,
    *agents_and_agenda_operations.OPERATIONS,
    *activation_operations.OPERATIONS,
    *outbox_operations.OPERATIONS,
    *claim_operations.OPERATIONS,
    *need_operations.OPERATIONS,
    *board_operations.OPERATIONS,
    *event_operations.OPERATIONS,
)


def operations_by_path() -> dict[str, dict[str, Operation]]:
    """Return the operations of each path by their methods."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = operation
    return paths
