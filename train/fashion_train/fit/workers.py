"""Several machines as one: each makes its share of every batch, and their gradients become one.

TF_CONFIG says who takes part, in TensorFlow's own form: `{"cluster": {"worker": ["host:port", ...]}, "task": {"type":
"worker", "index": 0}}`. Every machine runs the same command on the same photos; worker 0 writes the run. Variables stay
ordinary ones: all start from the same seed and take the same steps, so only gradients and the statistics of batch
normalisation travel.
"""

import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from fashion_edge.errors import UsageError, brief

if TYPE_CHECKING:
    import tensorflow as tf

VARIABLE = "TF_CONFIG"


@dataclass(frozen=True)
class Team:
    """How many workers there are, and which one this is."""

    rank: int = 0
    size: int = 1

    @property
    def chief(self) -> bool:
        """Whether this worker writes what all have learned."""
        return self.rank == 0


SOLO = Team()


def find_team(environment: Mapping[str, str] = os.environ) -> Team:
    """The team that TF_CONFIG names; a team of one without it.

    Raises:
        UsageError: TF_CONFIG is set and cannot be read.
    """
    if not (text := environment.get(VARIABLE)):
        return SOLO
    try:
        config = json.loads(text)
        workers, index = config["cluster"]["worker"], config["task"]["index"]
        if not isinstance(workers, list):
            raise TypeError("worker must be a list of host:port")
        known = config["task"]["type"] == "worker" and set(config["cluster"]) == {"worker"}
    except (ValueError, KeyError, TypeError) as error:
        page = "docs/how-to/train-on-several-machines.md"
        raise UsageError(f"TF_CONFIG cannot be read ({error!r}); unset it, or see {page}") from error
    if not known or not isinstance(index, int) or not 0 <= index < len(workers):
        raise UsageError(f"TF_CONFIG names task {config['task']} of {len(workers)} workers; only workers can take part")
    return Team(index, len(workers))


@cache
def collective() -> "tf.distribute.Strategy":
    """TensorFlow's link to the other workers, made once a process; it waits until all have come.

    Raises:
        UsageError: this worker's address cannot be used.
    """
    import tensorflow as tf

    options = tf.distribute.experimental.CommunicationOptions(
        implementation=tf.distribute.experimental.CommunicationImplementation.RING
    )
    try:
        with _ended_at_once():
            return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    except tf.errors.OpError as error:
        raise UsageError(
            f"TF_CONFIG: this worker cannot start ({brief(error)}); "
            "give every worker as host:port, with a port that is free on its machine"
        ) from error


@contextmanager
def _ended_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process: TensorFlow waits outside of Python, where no handler is called, and there is no run.

    SIGTERM is TensorFlow's own meanwhile, and ours again behind the block.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if before[signal.SIGINT] is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
