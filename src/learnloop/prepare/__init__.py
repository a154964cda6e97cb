"""prepare: raw records in, clean items, concepts, learners and interactions out."""
