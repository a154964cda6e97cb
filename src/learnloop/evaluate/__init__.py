"""evaluate: predictions and truth in, metrics with intervals and plots out."""
