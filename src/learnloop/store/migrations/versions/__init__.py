"""One revision a file. A revision that has shipped is never edited."""
