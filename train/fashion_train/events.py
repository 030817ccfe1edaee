"""TensorBoard's view of a run, while it is still training."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from fashion_edge.atomic import refuse_unwritable
from fashion_train.learn import Epoch


def check_events(folder: Path) -> None:
    """Refuse a folder that no event file can be written into: better now than when all photos are read.

    Raises:
        UsageError: says why.
    """
    refuse_unwritable(f"--tensorboard {folder}", folder, "folder")


def tensorboard_log(folder: Path | None) -> Callable[[Epoch], None]:
    """A function that adds one epoch's numbers to the event file in a folder; one that does nothing for None."""
    if folder is None:
        return lambda _epoch: None
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(folder))

    def log(epoch: Epoch) -> None:
        with writer.as_default(step=epoch.epoch):
            for name, value in asdict(epoch).items():
                if name != "epoch":
                    tf.summary.scalar(name, value)
        writer.flush()

    return log
