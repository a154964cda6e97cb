"""Alembic's environment: a revision a file below `versions`, run by `store.database.migrate`."""
