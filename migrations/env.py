"""Runs the migrations on the connection that the program hands over; it opens none and commits none.

There is no alembic.ini: 'blackboard init' runs the migrations, in one transaction with the views.
"""

from alembic import context

from blackboard.store.schema.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
context.run_migrations()
