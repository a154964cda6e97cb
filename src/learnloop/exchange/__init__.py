"""exchange: questions in, files of other systems out, and back."""
