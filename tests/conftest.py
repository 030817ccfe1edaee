"""Settings for the whole test run."""

import signal


def pytest_configure() -> None:
    """Make Ctrl-C and a closed terminal work in the commands that tests start.

    Under `nohup`, `make test &` or some CI runners SIGINT or SIGHUP is ignored, and child processes inherit that. A
    handler in this process, or the default action, becomes the default action in its children.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)  # this process still ignores it
