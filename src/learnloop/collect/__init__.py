"""collect: URLs and export files in, raw records out, landed unchanged."""
