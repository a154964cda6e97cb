"""dashboard: the API in, pages for learners and operators out."""
