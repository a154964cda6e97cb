"""PyTorch's threads and transformers' notices, kept in hand while a model works."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread_each() -> Iterator[None]:
    """PyTorch uses one thread per caller inside, so that callers run side by side.

    Two threads inside one small operation wait for each other by spinning: beside another busy process
    that made a call three times slower and four times as expensive.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars or notices of transformers on stderr inside; its settings are put back after."""
    from transformers.utils import logging

    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
