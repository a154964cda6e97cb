"""Runs the revisions inside the transaction that `store.database.migrate` opened and locked."""

from alembic import context

from learnloop.store import months
from learnloop.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=months.is_ours,  # the months of interactions come and go with the data
)
context.run_migrations()
