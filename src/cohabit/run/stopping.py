"""How a run in the background is stopped: with SIGTERM, since the shell may keep Ctrl-C from it."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Let SIGTERM stop what runs inside as Ctrl-C does.

    A shell that is not interactive starts its background jobs deaf to Ctrl-C (SIGINT); `kill` and
    the queues of clusters send SIGTERM. Outside the main thread signals are left as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
