"""serve: the online composition; HTTP requests in, answers from the champion release out."""
