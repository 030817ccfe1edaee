"""`fashion-edge`: a bundle and a source to live labels.

What a command line needs is imported inside, where Ctrl-C and SIGTERM are minded already.
"""

import os
import sys
import threading
from collections.abc import Sequence

from fashion_edge.cli.signals import signals_interrupt


def main(argv: Sequence[str] | None = None) -> int:
    """Run `fashion-edge` and return its exit status; without `argv`, as the program that this process is."""
    # NumPy's OpenBLAS starts a thread a core, and they spin at first; nothing here multiplies matrices
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with signals_interrupt():
        status = _run(argv)
        if argv is None and any(thread.daemon for thread in threading.enumerate()):
            # A reader that hangs in its driver may come back while the interpreter is taken down. Python then ends the
            # thread in the midst of C++, which aborts the process. All is closed and said: leave at once.
            os._exit(status)
    return status


def _run(argv: Sequence[str] | None) -> int:
    try:
        from fashion_edge.cli.common import run_command
        from fashion_edge.cli.options import command
    except KeyboardInterrupt:
        sys.stderr.write("fashion-edge: interrupted\n")
        return 130  # as `run_command` has it
    return run_command(command, argv)
