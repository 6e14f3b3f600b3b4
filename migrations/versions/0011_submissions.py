"""Deposits that processes on a server hand to each other, and the function with which they take turns.

Nothing here imports the program, whose names will change again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Each part has a function of its own. Only a server uses the table."""
    op.create_table(
        "submission",
        sa.Column("writer", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("format", sa.Integer, nullable=False),
        sa.Column("request", sa.Text),
        sa.Column("result", sa.Text),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute(sa.text(_TAKE_TURN.replace(":", "\\:")))


# A writer whose request was done while it waited needs the lock no longer. The end of a block by an exception that is
# handled releases the locks that were taken in it, and the server's log says nothing about it. Writers whose requests
# are done look together, under a shared lock; only the others take the lock alone.
_TAKE_TURN = """
CREATE FUNCTION take_turn(own_writer text, own_number bigint, lock_key bigint, oldest bigint, most integer)
RETURNS TABLE (writer text, format integer, request text, result text, waited boolean)
LANGUAGE plpgsql AS $$
DECLARE
  found text;
  is_late boolean := false;
BEGIN
  BEGIN
    is_late := NOT pg_try_advisory_xact_lock(lock_key);
    IF is_late THEN
      PERFORM pg_advisory_xact_lock_shared(lock_key);
    END IF;
    SELECT s.result INTO found FROM submission AS s WHERE s.writer = own_writer AND s.number = own_number;
    IF is_late OR found IS NOT NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'BB001';
    END IF;
  EXCEPTION WHEN SQLSTATE 'BB001' THEN
    NULL;
  END;
  IF is_late AND found IS NULL THEN
    BEGIN
      PERFORM pg_advisory_xact_lock(lock_key);
      SELECT s.result INTO found FROM submission AS s WHERE s.writer = own_writer AND s.number = own_number;
      IF found IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'BB001';
      END IF;
    EXCEPTION WHEN SQLSTATE 'BB001' THEN
      NULL;
    END;
  END IF;
  IF found IS NOT NULL THEN
    RETURN QUERY SELECT NULL::text, 0, NULL::text, found, is_late;
    RETURN;
  END IF;
  PERFORM board.id FROM board WHERE board.id = 1 FOR UPDATE;
  RETURN QUERY SELECT NULL::text, 0, NULL::text, NULL::text, is_late;
  RETURN QUERY
    SELECT s.writer, s.format, s.request, NULL::text, is_late
    FROM submission AS s
    WHERE s.result IS NULL AND s.at >= oldest AND s.writer <> own_writer
    ORDER BY s.at LIMIT most FOR UPDATE SKIP LOCKED;
END $$
"""
