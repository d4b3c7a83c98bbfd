"""What alembic runs to migrate: on the connection and in the transaction that `Database` opened."""

from alembic import context

from scenepose.study.tables import Table

context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata)
context.run_migrations()
