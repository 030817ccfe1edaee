"""Settings for the whole test run."""

import signal


def pytest_configure() -> None:
    """Make Ctrl-C work in the commands that tests start.

    Under `nohup`, `make test &` or some CI runners SIGINT is ignored, and child processes inherit that. A handler in
    this process becomes the default action in its children.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
