"""Queries on the registered deployment."""

from __future__ import annotations

from sqlalchemy import bindparam, delete, select

from blackboard.store.phrases import insert_into, number, update_by
from blackboard.store.tables import board, deployment, kind, law_change
from blackboard.store.transaction import Statement

p = bindparam

CURRENT = Statement(
    select(deployment.c.version, deployment.c.content).order_by(deployment.c.version.desc()).limit(number(1))
)
VERSIONS = Statement(
    select(deployment.c.version, deployment.c.deployed_at, deployment.c.content).order_by(deployment.c.version)
)
INSERT_DEPLOYMENT = insert_into(deployment)
SET_VERSION = Statement(board.update().values(version=p("version"), last_recorded_at=p("at")))
KIND_ROW = Statement(select(kind.c.weight, kind.c.floor, kind.c.law).where(kind.c.name == p("name")))
LAW_CHANGES = Statement(select(*law_change.c))
LAW_CHANGE = Statement(
    select(law_change.c.new_law, law_change.c.changed_at).where(
        law_change.c.kind == p("kind"), law_change.c.law == p("law")
    )
)
INSERT_LAW_CHANGE = insert_into(law_change)
DELETE_LAW_CHANGE = Statement(delete(law_change).where(law_change.c.kind == p("kind"), law_change.c.law == p("law")))
DELETE_FLOOR_CHANGES = Statement(
    delete(law_change).where(law_change.c.kind == p("kind"), law_change.c.law == law_change.c.new_law)
)
INSERT_BOARD = insert_into(board)
UPDATE_BOARD_TIME = update_by(board, "id", "last_recorded_at")
