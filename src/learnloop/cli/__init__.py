"""cli: a command line in, one call of workflow, its report or a one-line error out.

Results go to stdout (`--json` for machines), progress to stderr, and an error is one line: what is wrong
and the next command to type. Everything heavy is imported by the command that needs it.
"""

import signal

from learnloop.cli import (  # noqa: F401 - importing them adds their commands, in this order
    assess,
    curation,
    data,
    exchange,
    explain,
    finetune,
    generate,
    grading,
    imports,
    keys,
    models,
    off_policy,
    place,
    policy,
    prerequisites,
    question_statistics,
    questions,
    recommenders,
    services,
    summaries,
    texts,
    tracers,
    tuning,
)
from learnloop.cli.shell import app

__all__ = ["app", "main"]


def main() -> None:
    # Being asked to end is Ctrl-C, whoever asks: what was started is stopped. A shell's background job
    # starts with Ctrl-C ignored, hence the first line.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()
