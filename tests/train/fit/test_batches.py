"""Batches that repeat after an interruption, workers that share them, and invalid TF_CONFIG."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from fashion_edge.errors import UsageError
from fashion_train.fit.batches import Schedule, Workers, find_workers, make_batch

pytestmark = pytest.mark.slow

PROGRAM = "import sys; from fashion_train.cli import main; sys.exit(main(sys.argv[1:]))"
SCHEDULE = Schedule(24, 4, 3, seed=5)


class Numbers:
    """A sampler of one-pixel pictures."""

    def __len__(self):
        return 24

    def draw(self, item, rng):
        return np.full((1, 1, 3), rng.integers(0, 256), np.uint8), np.array([item], np.float32)


def test_every_item_is_drawn_once_an_epoch_and_each_epoch_has_its_own_order():
    first = [int(item) for step in range(6) for item in SCHEDULE.items_of(step)]
    second = [int(item) for step in range(6, 12) for item in SCHEDULE.items_of(step)]
    assert sorted(first) == sorted(second) == list(range(24))
    assert first != second


@pytest.mark.parametrize(("items", "pictures"), [(24, 24), (26, 24), (3, 3)])
def test_pictures_per_epoch_are_those_of_its_steps(items, pictures):
    assert Schedule(items, 4, 1, seed=5).pictures_per_epoch == pictures


def test_a_step_holds_the_same_pictures_whenever_it_is_made():
    one, same = make_batch(Numbers(), SCHEDULE, 7), make_batch(Numbers(), SCHEDULE, 7)
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    other = make_batch(Numbers(), replace(SCHEDULE, seed=6), 7)
    assert (one[0] != other[0]).any()


def test_workers_share_a_batch_without_gap_or_overlap():
    whole = Schedule(24, 8, 1, seed=3)
    shares = [replace(whole, workers=Workers(rank, 2)).share_of(1) for rank in range(2)]
    assert sorted(shares[0] + shares[1]) == whole.share_of(1)
    assert [len(share) for share in shares] == [4, 4]


def config(index, workers):
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})


def test_tf_config_names_the_workers():
    assert find_workers({}) == Workers(0, 1)
    assert find_workers({"TF_CONFIG": config(1, ["a:1", "b:2"])}) == Workers(1, 2)
    assert find_workers({"TF_CONFIG": config(0, ["a:1", "b:2"])}).chief


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "TF_CONFIG is not valid JSON .*; unset it, or see docs/how-to/train"),
        ("{}", "missing required field cluster"),
        (config(2, ["a:1", "b:2"]), "names worker 2 of 2 workers"),
        (config("0", ["a:1"]), "TF_CONFIG: task.index: expected int, got str"),
        (config(0, "a:1"), "expected array, got str"),
        (
            json.dumps({"cluster": {"ps": [], "worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}),
            "names ps 0 of 1 workers; it must be a worker",
        ),
    ],
)
def test_an_invalid_tf_config_is_refused_in_one_sentence(text, message):
    with pytest.raises(UsageError, match=message):
        find_workers({"TF_CONFIG": text})


def start(shapes, tmp_path, tf_config, *flags):
    command = [sys.executable, "-c", PROGRAM, "--dataset", shapes, "--out", tmp_path / "run", "--batch", "8", *flags]
    environment = {**os.environ, "TF_CONFIG": tf_config}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def addresses(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return found


def test_two_processes_train_the_same_network_and_the_first_writes_the_run(shapes, tmp_path):
    workers = addresses(2)
    flags = ["--epochs", "2", "--size", "32", "--teacher-epochs", "0", "--no-baseline"]
    running = [start(shapes, tmp_path, config(index, workers), *flags) for index in range(2)]
    errors = [process.communicate(timeout=300)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], errors
    first, second = ([line.split(",")[1:5] for line in text.splitlines() if ", epoch " in line] for text in errors)
    assert len(first) == 2
    assert first == second  # loss, validation loss, labels, exact match, to four digits
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert "run written to" in errors[0]
    assert "run written to" not in errors[1]


def test_ctrl_c_ends_a_worker_that_waits_for_others(shapes, tmp_path):
    with start(shapes, tmp_path, config(0, addresses(2))) as process:  # the second one never starts
        try:
            assert "waiting for the others" in next(iter(process.stderr))
            time.sleep(3)  # until it waits outside of Python
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == -signal.SIGINT
        finally:
            process.kill()
    assert not list(tmp_path.iterdir())


def test_an_address_that_a_worker_cannot_use_is_refused_in_one_sentence(shapes, tmp_path):
    with start(shapes, tmp_path, config(0, ["127.0.0.1", "127.0.0.1:2"])) as process:
        text = process.communicate(timeout=120)[1]
    assert process.returncode == 2, text
    assert "give every worker as host:port, with a port that is free on its machine" in text
