import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from fashion_edge.cli import main


def run(capsys: pytest.CaptureFixture, *argv: str) -> tuple[int, str, str]:
    status = main(list(argv))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_demo_gives_a_json_line_a_frame(capsys):
    status, out, err = run(capsys, "--source", "demo", "--every-frame", "--frames", "5", "--jsonl", "-")
    assert status == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["frame"] for line in lines] == [0, 1, 2, 3, 4]
    assert set(lines[0]) == {
        "source", "frame", "captured_at", "age_ms", "age_p50_ms", "age_p99_ms",
        "labels", "decision", "text", "scores", "stages_ms",
    }  # fmt: skip
    assert "self-check passed" in err
    assert "5 frames labelled" in err


@pytest.mark.parametrize(("runtime", "precision"), [("litert", "int8"), ("litert", "float32"), ("onnx", "float32")])
def test_every_backend_runs_the_demo(capsys, runtime, precision):
    if runtime == "onnx":
        pytest.importorskip("onnxruntime")
    argv = ["--source", "demo", "--every-frame", "--frames", "2", "--runtime", runtime, "--precision", precision]
    status, _, err = run(capsys, *argv, "--headless")
    assert status == 0
    assert f"model.{precision}" in err or runtime == "onnx"


def test_a_folder_with_broken_pictures_labels_the_rest_and_says_so_in_the_status(capsys, photo_folder, noise):
    (photo_folder / "a" / "zero.jpg").touch()
    (photo_folder / "a" / "text.png").write_text("hello")
    Image.fromarray(noise).save(photo_folder / "a" / "cut.jpg")
    cut = photo_folder / "a" / "cut.jpg"
    cut.write_bytes(cut.read_bytes()[:9000])

    status, out, err = run(capsys, "--source", str(photo_folder), "--jsonl", "-")
    lines = [json.loads(line) for line in out.splitlines()]
    errors = {Path(line["source"]).name: line["error"] for line in lines if "error" in line}
    assert status == 1
    assert set(errors) == {"zero.jpg", "text.png", "cut.jpg"}
    assert len(lines) == 6
    for name in errors:
        assert err.count(f"{name} ") == 1  # one line on standard error each
    assert "3 frames labelled" in err


def test_one_photo_prints_one_line(capsys, photo_folder):
    status, out, _ = run(capsys, "--source", str(photo_folder / "a" / "1.png"))
    assert status == 0
    assert out.startswith(f"{photo_folder}/a/1.png: ")
    assert len(out.splitlines()) == 1


def test_the_summary_names_stills_and_video(capsys, tmp_path):
    video, stills = tmp_path / "out.mp4", tmp_path / "stills"
    argv = [
        "--source",
        "demo",
        "--every-frame",
        "--frames",
        "4",
        "--headless",
        "--record",
        str(video),
        "--save",
        str(stills),
    ]
    status, _, err = run(capsys, *argv)
    assert status == 0
    assert f"video: {video}" in err
    assert video.stat().st_size > 1000
    assert list(stills.glob("*.jpg"))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--source", "gone.jpg"], "source gone.jpg does not exist"),
        (["--source", "/dev/null"], "camera /dev/null cannot be opened: it is not a camera; run fashion-doctor"),
        (["--camera", "97"], "camera /dev/video97 does not exist"),
        (["--camera", "-1"], "-1 is not in the range x>=0"),
        (["--camera", "0", "--source", "demo"], "both given; name one"),
        (["--bundle", "gone"], "gone is not a bundle folder"),
        (["--runtime", "tensorrt"], "'tensorrt' is not one of 'litert', 'onnx'"),
        (["--precision", "int4"], "'int4' is not one of"),
        (["--precision", "int16x8"], "no variant 'int16x8'; it has litert int8"),
        (["--fps", "0.2"], "0.2 is not in the range 0.5<=x<=1000"),
        (["--threads", "0"], "0 is not in the range 1<=x<=64"),
        (["--threads", "many"], "'many' is not a whole number"),
        (["--seconds", "long"], "'long' is not a valid number"),
        (["--source", ""], "'--source': it is empty; give it a value, or leave the flag out"),
        (["--save", ""], "'--save': it is empty"),
        (["--source", "replay:"], "replay: names no folder; give replay:DIR"),
        (["--capture-limit", "5"], "--capture-limit does nothing without --capture; add one, or leave it out"),
        (["--jsonl", "-", "--jsonl-limit", "5"], "--jsonl-limit 5 is for files, and standard output is none"),
        (["--overwrite"], "--overwrite does nothing without --jsonl or --events or --record"),
        (["--diff", "b", "--max-age-ms", "50"], "--diff runs alone, --max-age-ms would do nothing; leave one out"),
        (["--colour-card"], "--colour-card does nothing without --camera or --source; add one"),
        (
            ["--colour-card", "--camera", "0", "--roi", "full"],
            "--colour-card runs alone, --roi would do nothing",
        ),
        (["--diff", "b", "--jsonl", "-"], "--diff runs alone, --jsonl would do nothing; leave one out"),
        (["--append", "--overwrite", "--jsonl", "x"], "--append and --overwrite were both given"),
        (["--frames", "0"], "0 is not in the range x>=1"),
        (["--seconds", "0"], "0.0 is not in the range x>0"),
        (["--roi", "left"], "--roi 'left' is not auto, full, guide or"),
        (["--record", "out.gif", "--headless"], "must end in .mp4, .avi, .mkv"),
        (["--wibble"], "No such option"),
        (["extra"], "unexpected extra argument"),
    ],
)
def test_bad_usage_is_one_sentence_and_status_2(capsys, argv, said):
    status, out, err = run(capsys, *argv)
    assert (status, out) == (2, "")
    last = err.strip().splitlines()[-1]
    assert last.startswith("fashion-edge: ")
    assert said in last
    assert "Traceback" not in err


def test_a_damaged_bundle_is_refused_before_anything_is_opened(capsys, bundle_copy, tmp_path):
    model = bundle_copy / "model.int8.tflite"
    model.write_bytes(model.read_bytes()[:1000])
    out = tmp_path / "out.jsonl"
    status, _, err = run(capsys, "--bundle", str(bundle_copy), "--source", "demo", "--jsonl", str(out))
    assert status == 2
    assert "has 1000 bytes, the manifest says" in err
    assert not out.exists()


def test_outputs_that_exist_are_kept(capsys, tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_text("precious")
    status, _, err = run(capsys, "--source", "demo", "--frames", "1", "--headless", "--jsonl", str(out))
    assert status == 2
    assert "exists already; name another or add --overwrite" in err
    assert out.read_text() == "precious"


@pytest.mark.parametrize("flag", ["--jsonl", "--events", "--record"])
def test_an_output_that_is_the_source_is_refused_even_with_overwrite(capsys, photo_folder, flag):
    photo = photo_folder / "a" / "1.png"
    before = photo.read_bytes()
    status, _, err = run(capsys, "--source", str(photo), flag, str(photo), "--overwrite")
    assert status == 2
    assert "is the source itself, or a part of it; name another file" in err
    assert photo.read_bytes() == before


@pytest.mark.parametrize("flag", ["--seconds", "--smooth", "--max-age-ms"])
def test_a_number_must_be_finite(capsys, flag):
    status, _, err = run(capsys, "--source", "demo", flag, "nan")
    assert status == 2
    assert f"'{flag}': nan is not a finite number; give one such as 10 or 0.5" in err


@pytest.mark.parametrize("flag", ["--smooth", "--hysteresis", "--dwell"])
def test_smoothing_options_are_refused_for_photos(capsys, photo_folder, flag):
    status, _, err = run(capsys, "--source", str(photo_folder), flag, "0.5")
    assert status == 2
    assert f"{flag} 0.5 is for frames that follow each other, and {photo_folder} has stills; leave it out" in err
    assert run(capsys, "--source", str(photo_folder), flag, "0")[0] == 0, "that is how stills are decided"


def test_max_age_is_refused_for_files(capsys, photo_folder, tmp_path):
    raw = tmp_path / "raw"
    assert run(capsys, "--source", str(photo_folder), "--record-raw", str(raw))[0] == 0
    clip = tmp_path / "clip.avi"
    arguments = ["--source", str(photo_folder), "--record", str(clip), "--headless"]
    assert run(capsys, *arguments)[0] == 0
    for source in (str(photo_folder), f"replay:{raw}", str(clip)):
        status, _, err = run(capsys, "--source", source, "--max-age-ms", "0.001")
        assert status == 2
        assert f"--max-age-ms 0.001 is for live frames, and {source} has none; leave it out" in err


def test_debug_shows_the_traceback_and_keeps_the_status(capsys):
    status, _, err = run(capsys, "--source", "gone.jpg", "--debug")
    assert status == 2
    first, *_, last = err.splitlines()
    assert first == "Traceback (most recent call last):"
    assert last.startswith("fashion_edge.errors.SourceError: source gone.jpg does not exist")


def start(*argv: str) -> subprocess.Popen:
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # a shell's & has it ignored
    code = f"{heed}; import sys; from fashion_edge.cli import main; sys.exit(main({list(argv)!r}))"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_cleanly_with_whole_files_and_a_summary(tmp_path, number):
    video, lines = tmp_path / "out.avi", tmp_path / "out.jsonl"
    child = start("--source", "demo", "--headless", "--record", str(video), "--jsonl", str(lines))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (lines.exists() and lines.read_text().count("\n") >= 3):
        time.sleep(0.05)
    child.send_signal(number)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    assert "frames labelled" in err
    assert "Traceback" not in err
    assert video.exists()
    assert [json.loads(line)["source"] for line in lines.read_text().splitlines()][:3] == ["demo"] * 3


def test_a_closed_pipe_ends_the_run_without_an_error():
    with start("--source", "demo", "--every-frame", "--frames", "5000", "--jsonl", "-") as child:
        assert child.stdout.readline()
        child.stdout.close()
        err = child.stderr.read()
        assert child.wait(30) == 0, err
    assert "Traceback" not in err
