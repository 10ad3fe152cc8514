"""Runs the migrations on the connection that the store hands over, inside its transaction."""

from alembic import context

from yukawa.knowledge.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
