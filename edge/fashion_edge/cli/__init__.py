"""`fashion-edge`: a bundle and a source to live labels.

Imports are inside functions, where Ctrl-C and SIGTERM are handled already.
"""

import os
import sys
import threading
from collections.abc import Sequence

from fashion_edge.cli.signals import signals_interrupt


def main(argv: Sequence[str] | None = None) -> int:
    """Run `fashion-edge` and return its exit status; without `argv`, as the program that this process is."""
    # OpenBLAS in NumPy starts a spinning thread for each core; nothing here multiplies matrices
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with signals_interrupt():
        status = _run(argv)
        if argv is None and any(thread.daemon for thread in threading.enumerate()):
            # A reader that hangs in its driver may return while the interpreter shuts down. Python then ends the thread
            # inside C++, which aborts the process. All files are closed and all messages printed: exit at once.
            os._exit(status)
    return status


def _run(argv: Sequence[str] | None) -> int:
    try:
        from fashion_edge.cli.common import run_command
        from fashion_edge.cli.options import command
    except KeyboardInterrupt:
        sys.stderr.write("fashion-edge: interrupted\n")
        return 130  # as in `run_command`
    return run_command(command, argv)
