"""`python -m learnloop.cli`, for whoever has no `learnloop` on the path."""

from learnloop.cli import main

main()
