"""store: clean frames in, PostgreSQL, snapshots and releases kept, and frames back."""
