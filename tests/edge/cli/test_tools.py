import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from fashion_edge.cli import main
from fashion_edge.defaults import SHIPPED_BUNDLE
from fashion_render.demo import DemoScene

DEMO = ["--source", "demo", "--frames", "20", "--headless"]


def bundle_in(folder: Path, hysteresis: float = 0.1) -> str:
    bundle = Path(shutil.copytree(SHIPPED_BUNDLE, folder))
    data = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps({**data, "runtime": {"hysteresis": hysteresis}}))
    return str(bundle)


@pytest.mark.parametrize("flags", [["--diff", "bundles/new"], ["--bundle", "copy", "--diff", "bundles/new"]])
def test_a_bundle_is_not_compared_with_itself(
    capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    bundle_in(Path("bundles/new"))
    bundle_in(Path("copy"))
    assert main([*DEMO, *flags]) == 2
    assert capsys.readouterr().err == (
        "fashion-edge: --diff bundles/new is the same as the bundle that it is compared with; "
        "name the other one with --bundle, such as --bundle bundles/old\n"
    )


def test_the_newest_bundle_is_compared_with_the_shipped_one(
    capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bundle_in(Path("bundles/new"), hysteresis=0.11)
    assert main([*DEMO, "--diff", "shipped"]) == 0
    assert "new/model.int8.tflite against shipped_bundle/model.int8.tflite on demo" in capsys.readouterr().err
    assert main([*DEMO, "--bundle", "shipped", "--diff", "bundles/new"]) == 0
    assert "shipped_bundle/model.int8.tflite against new/model.int8.tflite on demo" in capsys.readouterr().err


def test_equal_networks_decide_alike(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    assert main([*DEMO, "--diff", bundle_in(tmp_path / "b", hysteresis=0.11)]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "0 of 20 frames decide differently (0.0 %), largest score difference 0.000; 0 % may" in err


def test_a_source_without_an_end_is_compared_for_so_many_seconds(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    other = bundle_in(tmp_path / "b", hysteresis=0.11)
    assert main(["--source", "demo", "--headless", "--seconds", "0.2", "--diff", other]) == 0
    assert "frames decide differently (0.0 %)" in capsys.readouterr().err


@pytest.fixture
def loud_and_mute(bundle_copy: Path, tmp_path: Path) -> tuple[str, str]:
    """A bundle that always says something, and one that never does."""
    mute = Path(shutil.copytree(bundle_copy, tmp_path / "mute"))
    for folder, threshold in ((bundle_copy, 1e-6), (mute, 1.0)):
        file = folder / "manifest.json"
        data = json.loads(file.read_text())
        file.write_text(json.dumps({**data, "thresholds": dict.fromkeys(data["thresholds"], threshold)}))
    return str(bundle_copy), str(mute)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_was_compared_is_said_when_it_is_ended_from_outside(
    loud_and_mute: tuple[str, str], number: signal.Signals
) -> None:
    loud, mute = loud_and_mute
    heed = f"import signal; signal.signal({int(number)}, signal.default_int_handler)"  # nohup has it ignored
    command = f"{heed}; import sys; from fashion_edge.cli import main; sys.exit(main(sys.argv[1:]))"
    flags = ["--source", "demo", "--headless", "--bundle", loud, "--diff", mute]
    process = subprocess.Popen(
        [sys.executable, "-c", command, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("frame 0: "), "the first frame is compared"
    process.send_signal(number)
    said = process.communicate(timeout=20)[1]
    assert "frames decide differently (100.0 %)" in said
    assert process.returncode == 3


def test_another_bundle_is_told_apart_and_the_limit_decides(
    capsys: pytest.CaptureFixture, loud_and_mute: tuple[str, str]
) -> None:
    loud, mute = loud_and_mute
    assert main([*DEMO, "--bundle", loud, "--diff", mute]) == 3
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith("frame 0: ")
    assert out.splitlines()[0].endswith(" | nothing I know")
    assert "20 of 20 frames decide differently (100.0 %), largest score difference 0.000; 0 % may" in err
    assert main([*DEMO, "--bundle", loud, "--diff", mute, "--diff-limit", "100"]) == 0


def test_each_still_that_differs_is_named_and_one_that_cannot_be_read(
    capsys: pytest.CaptureFixture, loud_and_mute: tuple[str, str], photo_folder: Path
) -> None:
    loud, mute = loud_and_mute
    (photo_folder / "a" / "broken.jpg").write_text("no picture")
    for picture in photo_folder.glob("*/[12].*"):
        cv2.imwrite(str(picture), DemoScene(seed=0).frame(0))  # of a plain wall a network may be wholly sure
    argv = ["--source", str(photo_folder), "--bundle", loud, "--diff", mute]
    assert main([*argv, "--diff-limit", "100"]) == 1
    out, err = capsys.readouterr()
    assert [Path(line.split(":")[0]).name for line in out.splitlines()] == ["1.png", "2.jpg", "1.jpeg"]
    assert "broken.jpg" in err


def test_the_defaults_of_a_live_picture_come_with_the_bundle(
    capsys: pytest.CaptureFixture, edit_manifest: Callable[[Callable[[dict], None]], Path], tmp_path: Path
) -> None:
    bundle = edit_manifest(lambda data: data.update(runtime={"smooth_s": 1.25}))
    argv = ["--source", "demo", "--every-frame", "--frames", "2", "--headless", "--bundle", str(bundle)]
    assert main([*argv, "--record-raw", str(tmp_path / "raw"), "--dwell", "0.5"]) == 0
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
def test_bad_defaults_are_refused(
    capsys: pytest.CaptureFixture, edit_manifest: Callable[[Callable[[dict], None]], Path], runtime: object, said: str
) -> None:
    bundle = edit_manifest(lambda data: data.update(runtime=runtime))
    assert main(["--source", "demo", "--frames", "1", "--headless", "--bundle", str(bundle)]) == 2
    assert said in capsys.readouterr().err
