"""Several workers that learn as one, and what TF_CONFIG may not say."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from fashion_edge.errors import UsageError
from fashion_train.data.batches import Schedule
from fashion_train.fit.workers import Team, find_team

pytestmark = pytest.mark.slow

PROGRAM = "import sys; from fashion_train.cli import main; sys.exit(main(sys.argv[1:]))"


def config(index, workers):
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


def test_two_processes_learn_the_same_and_the_first_writes_the_run(shapes, tmp_path):
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    flags = ["--epochs", "2", "--batch", "8", "--size", "32", "--teacher-epochs", "0", "--no-baseline"]
    command = [sys.executable, "-c", PROGRAM, "--dataset", shapes, "--out", tmp_path / "run", *flags]
    running = [
        subprocess.Popen(
            command, env={**os.environ, "TF_CONFIG": config(index, workers)}, stderr=subprocess.PIPE, text=True
        )
        for index in range(2)
    ]
    said = [process.communicate(timeout=300)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    first, second = ([line.split(",")[1:5] for line in text.splitlines() if ", epoch " in line] for text in said)
    assert len(first) == 2
    assert first == second  # loss, validation loss, labels, exact match, to four digits
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert "run written to" in said[0]
    assert "run written to" not in said[1]


def test_ctrl_c_ends_a_worker_that_waits_for_others(shapes, tmp_path):
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]  # nobody ever comes to the second
    command = [sys.executable, "-c", PROGRAM, "--dataset", shapes, "--out", tmp_path / "run", "--batch", "8"]
    environment = {**os.environ, "TF_CONFIG": config(0, workers)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert any("waiting for the others" in line for line in process.stderr)
            time.sleep(3)  # until it waits outside of Python
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == -signal.SIGINT
        finally:
            process.kill()
    assert not list(tmp_path.iterdir())


def test_an_address_that_a_worker_cannot_use_is_one_sentence(shapes, tmp_path):
    command = [sys.executable, "-c", PROGRAM, "--dataset", shapes, "--out", tmp_path / "run", "--batch", "8"]
    environment = {**os.environ, "TF_CONFIG": config(0, ["127.0.0.1", "127.0.0.1:2"])}
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "give every worker as host:port, with a port that is free on its machine" in done.stderr


def test_the_workers_of_a_team_share_a_batch_without_gap_or_overlap():
    whole = Schedule(24, 8, 1, seed=3)
    shares = [Schedule(24, 8, 1, seed=3, team=Team(rank, 2)).share_of(1) for rank in range(2)]
    assert sorted(shares[0] + shares[1]) == whole.share_of(1)
    assert [len(share) for share in shares] == [4, 4]


def test_without_tf_config_one_learns_alone():
    assert find_team({}) == Team(0, 1)
    assert find_team({"TF_CONFIG": config(1, ["a:1", "b:2"])}) == Team(1, 2)
    assert find_team({"TF_CONFIG": config(0, ["a:1", "b:2"])}).chief


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("{}", "cannot be read"),
        (config(2, ["a:1", "b:2"]), "of 2 workers"),
        (config("0", ["a:1"]), "of 1 workers"),
        (config(0, "a:1"), "worker must be a list of host:port"),
        (json.dumps({"cluster": {"ps": [], "worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}), "only workers"),
    ],
)
def test_a_tf_config_that_makes_no_sense_is_one_sentence(text, message):
    with pytest.raises(UsageError, match=message):
        find_team({"TF_CONFIG": text})


def test_a_batch_that_cannot_be_shared_is_refused_before_anyone_waits(shapes, tmp_path, monkeypatch, capsys):
    from fashion_train.cli import main

    monkeypatch.setenv("TF_CONFIG", config(0, ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"]))
    assert main(["--dataset", str(shapes), "--out", str(tmp_path / "run"), "--batch", "8"]) == 2
    assert "--batch 8 is no multiple of the 3 workers" in capsys.readouterr().err
