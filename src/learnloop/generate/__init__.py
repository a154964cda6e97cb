"""generate: lesson text in, checked questions and summaries out."""
