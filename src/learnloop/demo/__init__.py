"""demo: our own short courses in four languages in, a small web site out, as messy as real ones."""
