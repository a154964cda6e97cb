"""simulate: seeds and parameters in, learners with known truth out."""
