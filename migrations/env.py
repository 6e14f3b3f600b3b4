"""Runs the migrations on the connection that the program hands over; it opens none and commits none.

alembic -c migrations/alembic.ini is not needed: 'blackboard init' upgrades, in one transaction with the views.
"""

from alembic import context

from blackboard.store.schema.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
