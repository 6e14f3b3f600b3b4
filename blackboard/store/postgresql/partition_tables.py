"""The names and the rights of the tables of partitions."""

from __future__ import annotations

from blackboard.store.rows import Id
from blackboard.store.transaction import Transaction

TABLE = "event_partitioning"
"""A table with one row, which exists only on a board with partitions; see `Partitioning`."""

_RIGHTS = (
    "SELECT format('GRANT %s ON {to} TO %s', r.privilege_type,"
    " CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r.grantee)) END)"
    " FROM pg_class AS c, aclexplode(c.relacl) AS r"
    " WHERE c.oid = CAST('{source}' AS regclass) AND r.grantee <> c.relowner"
)


def name_of(end: Id) -> str:
    """Return the name of the partition that ends before an id."""
    return f"event_to_{end - 1}"


def copy_rights(sql: Transaction, source: str, to: str) -> None:
    """Give the users of a table the same rights to another."""
    for (grant,) in sql.cursor.execute(_RIGHTS.format(source=source, to=to)).fetchall():
        sql.cursor.execute(grant)
