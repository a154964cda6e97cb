"""recommend: interactions and item metadata in, ranked items for a learner out, with reasons."""
