import json
import shutil
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

from fashion_edge.defaults import SHIPPED_BUNDLE
from fashion_render.demo import DemoScene


def bundle_in(folder: Path, hysteresis: float = 0.1) -> str:
    bundle = Path(shutil.copytree(SHIPPED_BUNDLE, folder))
    data = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps({**data, "runtime": {"hysteresis": hysteresis}}))
    return str(bundle)


@pytest.mark.parametrize("flags", [["--diff", "bundles/new"], ["--bundle", "copy", "--diff", "bundles/new"]])
def test_a_bundle_is_not_compared_with_itself(run_demo, tmp_path, monkeypatch, flags):
    monkeypatch.chdir(tmp_path)
    bundle_in(Path("bundles/new"))
    bundle_in(Path("copy"))
    said = "--diff bundles/new is the same as the bundle that it is compared with"
    fix = "name the other one with --bundle, such as --bundle bundles/old"
    assert run_demo(20, *flags) == (2, "", f"fashion-edge: {said}; {fix}\n")


def test_the_newest_bundle_is_compared_with_the_shipped_one(run_demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bundle_in(Path("bundles/new"), hysteresis=0.11)
    new, shipped = "new/model.int8.tflite", "shipped_bundle/model.int8.tflite"
    assert f"{new} against {shipped} on demo" in run_demo(20, "--diff", "shipped").err
    status, out, err = run_demo(20, "--bundle", "shipped", "--diff", "bundles/new")
    assert f"{shipped} against {new} on demo" in err
    assert "0 of 20 frames decide differently (0.0 %), largest score difference 0.000; 0 % may" in err
    assert (status, out) == (0, "")


def test_a_source_without_an_end_is_compared_for_some_seconds(run_edge, tmp_path):
    other = bundle_in(tmp_path / "b", hysteresis=0.11)
    done = run_edge("--source", "demo", "--headless", "--seconds", "0.2", "--diff", other)
    assert done.status == 0
    assert "frames decide differently (0.0 %)" in done.err


@pytest.fixture
def bundles(bundle_copy, tmp_path):
    """A bundle that always labels, and one that always abstains."""
    abstaining = Path(shutil.copytree(bundle_copy, tmp_path / "abstaining"))
    for folder, threshold in ((bundle_copy, 1e-6), (abstaining, 1.0)):
        file = folder / "manifest.json"
        data = json.loads(file.read_text())
        file.write_text(json.dumps({**data, "thresholds": dict.fromkeys(data["thresholds"], threshold)}))
    return str(bundle_copy), str(abstaining)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_comparison_with_its_totals(start_edge, bundles, number):
    labelling, abstaining = bundles
    heed = f"import signal; signal.signal({int(number)}, signal.default_int_handler)"  # nohup has it ignored
    process = start_edge("--source", "demo", "--headless", "--bundle", labelling, "--diff", abstaining, code=heed)
    assert process.stdout.readline().startswith("frame 0: "), "the first frame is compared"
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert "frames decide differently (100.0 %)" in said
    assert process.returncode == 3


def test_the_limit_decides_the_status(run_demo, bundles):
    labelling, abstaining = bundles
    status, out, err = run_demo(20, "--bundle", labelling, "--diff", abstaining)
    assert status == 3
    first = out.splitlines()[0]
    assert first.startswith("frame 0: ")
    assert first.endswith(" | nothing I know")
    assert "20 of 20 frames decide differently (100.0 %), largest score difference 0.000; 0 % may" in err
    assert run_demo(20, "--bundle", labelling, "--diff", abstaining, "--diff-limit", "100").status == 0


def test_each_still_that_differs_and_each_fault_is_printed(run_edge, bundles, photo_folder):
    labelling, abstaining = bundles
    (photo_folder / "a" / "broken.jpg").write_text("no picture")
    for picture in photo_folder.glob("*/[12].*"):
        cv2.imwrite(str(picture), DemoScene(seed=0).frame(0))  # a network may be certain about a plain wall
    options = ("--bundle", labelling, "--diff", abstaining, "--diff-limit", "100")
    status, out, err = run_edge("--source", photo_folder, *options)
    assert status == 1
    assert [Path(line.split(":")[0]).name for line in out.splitlines()] == ["1.png", "2.jpg", "1.jpeg"]
    assert "broken.jpg" in err


@pytest.mark.parametrize("failing", [0, 1])
def test_invalid_scores_of_either_bundle_are_a_fault_of_the_comparison(
    run_edge, bundles, photo_folder, nan_for_black, failing
):
    labelling, abstaining = bundles
    cv2.imwrite(str(photo_folder / "a" / "0.png"), np.zeros((120, 90, 3), np.uint8))
    nan_for_black.skip = failing
    done = run_edge("--source", photo_folder, "--bundle", labelling, "--diff", abstaining, "--diff-limit", "100")
    assert done.status == 1
    assert done.err.count("0.png: the model gives a score of nan") == 1
    assert done.err.rstrip().endswith("; 1 gave no labels")


def test_the_defaults_for_live_frames_come_from_the_bundle(run_demo, edit_manifest, tmp_path):
    bundle = edit_manifest(lambda data: data.update(runtime={"smooth_s": 1.25}))
    assert run_demo(2, "--bundle", bundle, "--record-raw", tmp_path / "raw", "--dwell", "0.5").status == 0
    live = json.loads((tmp_path / "raw" / "recording.json").read_text())["live"]
    assert live == {"smooth_s": 1.25, "hysteresis": 0.1, "dwell_s": 0.5}


@pytest.mark.parametrize(
    ("runtime", "said"),
    [
        ({"smooth_s": -1}, "runtime.smooth_s: expected float >= 0"),
        ({"dwell_s": "long"}, "dwell_s: expected float, got str"),
        ([], "runtime: expected object, got array"),
    ],
)
def test_bad_defaults_of_a_bundle_are_an_error(run_demo, edit_manifest, runtime, said):
    done = run_demo(1, "--bundle", edit_manifest(lambda data: data.update(runtime=runtime)))
    assert done.status == 2
    assert said in done.err
