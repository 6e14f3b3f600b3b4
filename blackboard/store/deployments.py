"""Queries on the registered deployment."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select

from blackboard.store.phrases import insert_into, number, update_by
from blackboard.store.tables import board, deployment, kind, succession
from blackboard.store.transaction import Statement

p = bindparam

CURRENT = Statement(
    select(deployment.c.version, deployment.c.content).order_by(deployment.c.version.desc()).limit(number(1))
)
VERSIONS = Statement(select(deployment.c.version, deployment.c.at, deployment.c.content).order_by(deployment.c.version))
INSERT_DEPLOYMENT = insert_into(deployment)
SET_VERSION = Statement(board.update().values(version=p("version"), recorded_at=p("at")))
KIND_ROW = Statement(select(kind.c.weight, kind.c.floor, kind.c.law).where(kind.c.name == p("name")))
SUCCESSIONS = Statement(select(*succession.c))
SUCCESSION = Statement(
    select(succession.c.successor, succession.c.at).where(succession.c.kind == p("kind"), succession.c.law == p("law"))
)
INSERT_SUCCESSION = insert_into(succession)
DELETE_SUCCESSION = Statement(delete(succession).where(succession.c.kind == p("kind"), succession.c.law == p("law")))
DELETE_FLOOR_SUCCESSIONS = Statement(
    delete(succession).where(succession.c.kind == p("kind"), succession.c.law == succession.c.successor)
)
INSERT_BOARD = insert_into(board)
UPDATE_BOARD_TIME = update_by(board, "id", "recorded_at")
