import json
import shlex
import signal
import time
from pathlib import Path

import pytest
from PIL import Image


def test_the_demo_gives_a_json_line_a_frame(run_edge):
    status, out, err = run_edge("--source", "demo", "--every-frame", "--frames", "5", "--jsonl", "-")
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
def test_every_backend_runs_the_demo(run_demo, runtime, precision):
    if runtime == "onnx":
        pytest.importorskip("onnxruntime")
    done = run_demo(2, "--runtime", runtime, "--precision", precision)
    assert done.status == 0
    assert ("model.onnx" if runtime == "onnx" else f"model.{precision}") in done.err


def test_a_folder_with_broken_pictures_labels_the_rest_and_has_status_1(run_edge, photo_folder, noise):
    (photo_folder / "a" / "zero.jpg").touch()
    (photo_folder / "a" / "text.png").write_text("hello")
    cut = photo_folder / "a" / "cut.jpg"
    Image.fromarray(noise).save(cut)
    cut.write_bytes(cut.read_bytes()[:9000])
    status, out, err = run_edge("--source", photo_folder, "--jsonl", "-")
    lines = [json.loads(line) for line in out.splitlines()]
    errors = {Path(line["source"]).name: line["error"] for line in lines if "error" in line}
    assert (status, len(lines), set(errors)) == (1, 6, {"zero.jpg", "text.png", "cut.jpg"})
    assert all(err.count(f"{name} ") == 1 for name in errors), "one line on standard error each"
    assert "3 frames labelled" in err


@pytest.mark.usefixtures("nan_for_black")
def test_a_run_whose_model_gives_no_valid_score_has_status_1(run_edge, tmp_path):
    for number in range(2):
        Image.new("RGB", (90, 120)).save(tmp_path / f"{number}.png")
    status, out, err = run_edge("--source", tmp_path, "--jsonl", "-")
    assert status == 1
    assert [json.loads(line)["error"] for line in out.splitlines()] == err.splitlines()[2:4]
    assert "1.png: the model gives a score of nan, and scores lie in 0..1; try another variant" in err
    assert "no frame was labelled; 0 could not be read, 2 with invalid scores" in err


SECRET_URL = "rtsp://admin:hun ter2@127.0.0.1:9/x?pw=hunter2"


@pytest.mark.parametrize(
    "argv",
    [
        ["--source", SECRET_URL],
        [f"--source={SECRET_URL}"],
        ["--source", SECRET_URL, "--debug"],
        ["--source", SECRET_URL.replace("rtsp", "srt")],
        ["--source", SECRET_URL.removeprefix("rtsp://")],
        ["--source", "127.0.0.1/video?user=admin&pw=hunter2"],
        ["--source", SECRET_URL + "\n"],
        ["--source", SECRET_URL + "\udcff"],
        ["--source", SECRET_URL, "--size", "640x480"],
        ["--source", SECRET_URL + "x" * 5000],
        [SECRET_URL],
        [SECRET_URL, SECRET_URL],
        ["--camera", SECRET_URL],
        ["--threads", SECRET_URL.replace(" ", "\\")],
        ["--runtime", SECRET_URL],
        ["--bundle", SECRET_URL],
        ["--roi", SECRET_URL],
        ["--serve", SECRET_URL],
        ["--serve", "8080", "--serve-origin", SECRET_URL],
        ["--mqtt", SECRET_URL],
        ["--mqtt", "mqtt://broker/?user=me&pw=hunter2"],
        ["--mqtt", "broker", "--mqtt-user", "me", "--mqtt-password-file", SECRET_URL],
        ["--diff", SECRET_URL],
        ["--profile", SECRET_URL],
        ["--record", SECRET_URL],
        ["--source", SECRET_URL, "--camera", "0"],
        ["--source", f"replay:{SECRET_URL}"],
    ],
)
def test_no_message_shows_the_password_of_a_url(run_edge, argv):
    status, out, err = run_edge(*argv, "--headless", "--seconds", "1")
    assert status == 2
    assert not any(part in out + err for part in ("hun", "ter2"))


def test_the_source_may_be_in_the_environment(run_edge, monkeypatch, photo_folder):
    monkeypatch.setenv("FASHION_EDGE_SOURCE", str(photo_folder / "a" / "1.png"))
    assert run_edge().out.startswith(str(photo_folder / "a" / "1.png"))
    monkeypatch.setenv("FASHION_EDGE_SOURCE", SECRET_URL)
    done = run_edge("--headless")
    assert done.status == 2
    assert "stream rtsp://***@127.0.0.1:9/x?pw=*** is refused: nothing listens on its port" in done.err


def test_one_photo_prints_one_line(run_edge, photo_folder):
    status, out, _ = run_edge("--source", photo_folder / "a" / "1.png")
    assert status == 0
    assert out.startswith(f"{photo_folder}/a/1.png: ")
    assert len(out.splitlines()) == 1


def test_the_summary_names_the_video(run_demo, tmp_path):
    video, stills = tmp_path / "out.mp4", tmp_path / "stills"
    done = run_demo(4, "--record", video, "--save", stills)
    assert done.status == 0
    assert f"video: {video}" in done.err
    assert video.stat().st_size > 1000
    assert list(stills.glob("*.jpg"))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("--source gone.jpg", "source gone.jpg does not exist"),
        ("--source /dev/null", "camera /dev/null cannot be opened: it is not a camera; run fashion-doctor"),
        ("--source ''", "'--source': it is empty; give it a value, or leave the flag out"),
        ("--source replay:", "replay: names no folder; give replay:DIR"),
        ("--camera 97", "camera /dev/video97 does not exist"),
        ("--camera -1", "-1 is not in the range x>=0"),
        ("--camera 0 --source demo", "both given; name one"),
        ("--bundle gone", "gone is not a bundle folder"),
        ("--runtime tensorrt", "'tensorrt' is not one of 'litert', 'onnx'"),
        ("--precision int4", "'int4' is not one of"),
        ("--precision int16x8", "no variant 'int16x8'; it has litert int8"),
        ("--fps 0.2", "0.2 is not in the range 0.5<=x<=1000"),
        ("--threads 0", "0 is not in the range 1<=x<=64"),
        ("--threads many", "'many' is not a whole number"),
        ("--frames 0", "0 is not in the range x>=1"),
        ("--seconds 0", "0.0 is not in the range x>0"),
        ("--seconds long", "'long' is not a valid number"),
        ("--seconds nan", "'--seconds': nan is not a finite number; give one such as 10 or 0.5"),
        ("--max-age-ms inf", "'--max-age-ms': inf is not a finite number"),
        ("--smooth nan", "'--smooth': nan is not a finite number"),
        ("--roi left", "--roi 'left' is not auto, full, guide or"),
        ("--save ''", "'--save': it is empty"),
        ("--record out.gif --headless", "must end in .mp4, .avi, .mkv"),
        ("--capture-limit 5", "--capture-limit does nothing without --capture; add one, or leave it out"),
        ("--jsonl - --jsonl-limit 5", "--jsonl-limit 5 is for files, not for standard output"),
        ("--overwrite", "--overwrite does nothing without --jsonl or --events or --record"),
        ("--append --overwrite --jsonl x", "--append and --overwrite were both given"),
        ("--diff b --max-age-ms 50", "--diff runs alone, --max-age-ms would do nothing; leave one out"),
        ("--diff b --jsonl -", "--diff runs alone, --jsonl would do nothing; leave one out"),
        ("--colour-card", "--colour-card does nothing without --camera or --source; add one"),
        ("--colour-card --camera 0 --roi full", "--colour-card runs alone, --roi would do nothing"),
        ("--wibble", "No such option"),
        ("extra", "unexpected extra argument"),
    ],
)
def test_bad_usage_is_one_sentence_and_status_2(run_edge, command, said):
    status, out, err = run_edge(*shlex.split(command))
    assert (status, out) == (2, "")
    last = err.strip().splitlines()[-1]
    assert last.startswith("fashion-edge: ")
    assert said in last
    assert "Traceback" not in err


def test_a_damaged_bundle_is_refused_before_anything_is_opened(run_edge, bundle_copy, tmp_path):
    model, out = bundle_copy / "model.int8.tflite", tmp_path / "out.jsonl"
    model.write_bytes(model.read_bytes()[:1000])
    done = run_edge("--bundle", bundle_copy, "--source", "demo", "--jsonl", out)
    assert done.status == 2
    assert "has 1000 bytes, the manifest says" in done.err
    assert not out.exists()


@pytest.mark.parametrize("flag", ["--smooth", "--hysteresis", "--dwell"])
def test_smoothing_options_are_refused_for_photos(run_edge, photo_folder, flag):
    status, _, err = run_edge("--source", photo_folder, flag, "0.5")
    assert status == 2
    assert f"{flag} 0.5 is for frames that follow each other, and {photo_folder} has stills; leave it out" in err
    assert run_edge("--source", photo_folder, flag, "0").status == 0, "that is how stills are decided"


def test_max_age_is_refused_for_files(run_edge, photo_folder, tmp_path):
    raw, clip = tmp_path / "raw", tmp_path / "clip.avi"
    assert run_edge("--source", photo_folder, "--headless", "--record-raw", raw, "--record", clip).status == 0
    for source in (photo_folder, f"replay:{raw}", clip):
        status, _, err = run_edge("--source", source, "--max-age-ms", "0.001")
        assert status == 2
        assert f"--max-age-ms 0.001 is for live frames, and {source} has none; leave it out" in err


def test_debug_shows_the_traceback_and_keeps_the_status(run_edge):
    status, _, err = run_edge("--source", "gone.jpg", "--debug")
    assert status == 2
    first, *_, last = err.splitlines()
    assert first == "Traceback (most recent call last):"
    assert last.startswith("fashion_edge.errors.SourceError: source gone.jpg does not exist")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_cleanly_with_whole_files_and_a_summary(start_edge, tmp_path, number):
    video, lines = tmp_path / "out.avi", tmp_path / "out.jsonl"
    child = start_edge("--source", "demo", "--headless", "--record", video, "--jsonl", lines)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (lines.exists() and lines.read_text().count("\n") >= 3):
        time.sleep(0.05)
    child.send_signal(number)
    _, err = child.communicate(timeout=30)
    assert (child.returncode, "Traceback" in err) == (0, False), err
    assert "frames labelled" in err
    assert video.exists()
    assert [json.loads(line)["source"] for line in lines.read_text().splitlines()][:3] == ["demo"] * 3


def test_a_closed_pipe_ends_the_run_without_an_error(start_edge):
    with start_edge("--source", "demo", "--every-frame", "--frames", "5000", "--jsonl", "-") as child:
        assert child.stdout.readline()
        child.stdout.close()
        err = child.stderr.read()
        assert child.wait(30) == 0, err
    assert "Traceback" not in err
