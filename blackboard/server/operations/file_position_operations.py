"""The operations on the positions of followed files, for `load --follow` on another machine.

A position belongs to the author of the token. It is not part of the board, and no other author sees it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from blackboard.board.deposited_files.read_positions import ReadPosition
from blackboard.core.request_limits import MAX_ID
from blackboard.errors import NotFound
from blackboard.local_or_remote_calls.local_calls import LocalCalls
from blackboard.server.api_framework.operation_definition import Fields, Name, Operation, OperationCall

FileDigest = Annotated[str, Field(pattern="^[0-9a-f]{32}$", description="A digest of the file's machine and path.")]


class OneFile(Fields):
    """A followed file, and the kind of mark that its lines become."""

    source: FileDigest
    kind: Name


class PositionFields(Fields):
    """A position in a file: how far it has been deposited."""

    inode: int = Field(ge=0, lt=2**64)
    generation: int = Field(ge=1, lt=2**31, description="How many files were read at this path, including this file.")
    position: int = Field(ge=0, le=MAX_ID, description="Bytes from the start of the file.")
    digest: str = Field(max_length=128, description="A digest of the bytes right before the position.")
    header: str = Field(default="", max_length=100_000, description="The line with the names of the columns.")


def read_position(call: OperationCall[OneFile, None]) -> ReadPosition:
    """Show how far a file has been deposited by the author of the token."""
    source, kind = call.parameters.source, call.parameters.kind
    position = LocalCalls(call.board).file_position(source, kind).load()
    if position is None:
        raise NotFound(f"the file {source!r} was never followed for the kind {kind!r}")
    return position


def set_read_position(call: OperationCall[OneFile, PositionFields]) -> ReadPosition:
    """Record how far a file has been deposited by the author of the token."""
    board, parameters = call.board, call.parameters
    board.deployment.kind(parameters.kind)
    position = ReadPosition(**call.body.model_dump())
    LocalCalls(board).file_position(parameters.source, parameters.kind).save(position)
    return position


OPERATIONS = (
    Operation("GET", "/v1/read-positions/{source}", scope="deposit", run=read_position, problems=("not-found",)),
    Operation(
        "POST", "/v1/read-positions/{source}", scope="deposit", run=set_read_position, problems=("unknown-name",),
    ),
)  # fmt: skip
