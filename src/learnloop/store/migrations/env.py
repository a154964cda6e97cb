"""Runs the revisions inside the transaction that `store.database.migrate` opened and locked."""

from alembic import context

from learnloop.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
