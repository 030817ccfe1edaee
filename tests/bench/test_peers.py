"""The scripts of the peers, loaded from their folder."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fashion_edge.bundle import load_bundle
from fashion_render import write_clip

PEERS = Path(__file__).parents[2] / "benchmarks" / "peers"


@pytest.fixture(scope="module")
def compare(load_script):
    return load_script("peers/compare.py")


def test_the_plain_loop_starts_the_clip_again_at_its_end(bundle_folder, tmp_path):
    write_clip(tmp_path / "clip.avi", 6, height=48, width=64)
    command = [sys.executable, PEERS / "litert_loop.py", tmp_path / "clip.avi", bundle_folder / "model.float32.tflite"]
    command += ["black,blue,dress,jeans,red,shirt", "20", "float32"]
    reply = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert len(reply["frame_ms"]) == 20
    assert sum(reply["seen"].values()) == 20
    assert reply["runtime"].startswith("ai-edge-litert 2.")


def test_a_peer_that_fails_gives_its_error(compare):
    command = [sys.executable, "-c", "raise SystemExit('no such clip')"]
    assert compare.run_peer(command) == "ended with status 1: no such clip"


def test_a_run_of_other_labels_is_not_compared(compare, tmp_path):
    (tmp_path / "model.keras").write_bytes(b"")
    (tmp_path / "run.json").write_text(json.dumps({"labels": ["black", "red"], "model": {"arch": "compact"}}))
    assert compare.check_run(tmp_path, ("black", "red"), "keras") is None
    assert "name its own run" in compare.check_run(tmp_path, ("blue", "red"), "keras")
    assert "--run RUN" in compare.check_run(None, ("blue", "red"), "keras")
    assert "holds a compact network, not the tutorial's" in compare.check_run(tmp_path, ("black", "red"), "tutorial")
    assert "--tutorial-run RUN" in compare.check_run(None, ("black", "red"), "tutorial")


def test_a_peer_without_an_environment_is_skipped(compare, bundle_folder):
    runs, environments = {"keras": None, "tutorial": None}, {"ours": "python", "litert": "python"}
    commands, skipped = compare.plan(load_bundle(bundle_folder), runs, environments, "clip.mp4", 10)
    assert set(commands) == {"ours-int8", "ours-float32", "litert-int8", "litert-float32"}
    assert skipped["mediapipe-int8"] == "no environment for it: --python mediapipe=PATH, or nox --session peers"
    assert {"keras", "tutorial"} < set(skipped)


def test_the_table_compares_every_peer_with_ours(compare, bundle_folder, monkeypatch):
    rng = np.random.default_rng(0)

    def reply(name: str, ms: float) -> dict:
        times = (ms + 0.01 * ms * rng.random(80)).tolist()
        return {"peer": name, "runtime": f"{name} 1.0", "seen": {}, "frame_ms": times}

    speeds = {"ours-int8": 2.0, "ours-float32": 4.0, "keras": 100.0}
    replies = {name: [reply(name, ms) for _ in range(5)] for name, ms in speeds.items()}
    monkeypatch.setattr(compare.os, "getloadavg", lambda: (3.0, 2.0, 1.0))
    document = compare.describe(replies, {"mediapipe": "no environment"}, load_bundle(bundle_folder))
    table = compare.to_markdown(document)
    against = document["rows"][2]["against"]
    assert against["ours-int8"]["times"] == pytest.approx(50, rel=0.01)
    assert against["ours-float32"]["times"] == pytest.approx(25, rel=0.01)
    assert "| keras | 100." in table
    assert "5 rounds of 80 frames, keras 1.0, ours-float32 1.0, ours-int8 1.0." in table
    assert "skipped mediapipe: no environment" in table
    assert "other programs ran too, so only the ratios hold" in table


def test_without_our_own_figures_nothing_is_compared(compare, bundle_folder, monkeypatch, capsys):
    monkeypatch.setattr(compare, "run_peer", lambda command: "ended with status 1: no such clip")
    assert compare.main(["--bundle", str(bundle_folder), "--clip", "clip.mp4", "--rounds", "1"]) == 1
    why = "compare: ours-int8, which the others are compared with, ended with status 1: no such clip\n"
    assert why in capsys.readouterr().err
