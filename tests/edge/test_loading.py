import json
import os
import signal
import stat
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from fashion_edge import isolated
from fashion_edge.backends import name_runtime
from fashion_edge.bundle import Bundle
from fashion_edge.errors import ModelError, UsageError
from fashion_edge.loading import Profile, checks_file, default_profile, load_profile, open_model, write_profile


def choose(shipped: Bundle, precision: str, threads: int = 2, path: Path | None = None) -> Path:
    """Write the profile that `fashion-bench --choose` leaves behind."""
    variant, path = shipped.find("litert", precision), path or default_profile()
    chosen = Profile(variant.file, variant.sha256, "litert", precision, threads, REASON, "2026-11-23T00:00:00Z")
    write_profile(path, chosen)
    assert load_profile(path) == chosen
    return path


def of_another_bundle(path: Path) -> None:
    profile = json.loads(path.read_text())
    path.write_text(json.dumps(profile | {"sha256": "0" * 64}))


REASON = "fastest here: p50 0.300 ms"


def test_without_a_profile_the_first_variant_of_the_bundle_runs(shipped):
    model = open_model()
    assert model.variant == shipped.manifest.variants[0]
    assert model.threads == 1


def test_shipped_is_the_shipped_bundle_unless_a_folder_has_that_name(shipped, bundle_copy, monkeypatch):
    monkeypatch.chdir(bundle_copy.parent)
    bundle_copy.rename("own")
    assert open_model(Path("shipped")).bundle.path == shipped.path
    Path("own").rename("shipped")
    assert open_model(Path("shipped")).bundle.path == Path("shipped")


def test_the_variant_of_the_profile_runs_and_is_reported(shipped, run_demo):
    choose(shipped, "float32")
    said = run_demo(1).err
    assert "model.float32.tflite" in said
    assert f"2 threads (fashion-bench chose it here, {REASON}); self-check passed" in said


def test_options_override_the_profile(shipped):
    choose(shipped, "float32")
    assert open_model(precision="int8").variant.precision == "int8"
    model = open_model(threads=1)
    assert (model.variant.precision, model.threads) == ("float32", 1)


def test_a_profile_of_another_bundle_is_not_applied(shipped):
    of_another_bundle(choose(shipped, "float32"))
    assert open_model().variant == shipped.manifest.variants[0]


def test_a_given_profile_must_match_the_bundle(shipped, tmp_path, run_demo):
    named = choose(shipped, "float32", path=tmp_path / "deep" / "p.json")
    model = open_model(profile=named, threads=1)
    assert (model.variant.precision, model.threads) == ("float32", 1)
    of_another_bundle(named)
    assert "was chosen for another bundle" in run_demo(1, "--profile", named).err
    assert "cannot be read (No such file" in run_demo(1, "--profile", tmp_path / "none.json").err


@pytest.mark.parametrize(("flag", "value"), [("--precision", "int8"), ("--runtime", "litert")])
@pytest.mark.parametrize("more", [[], ["--install-service"]])
def test_a_given_profile_conflicts_with_a_given_variant(shipped, tmp_path, run_edge, flag, value, more):
    named = choose(shipped, "float32", path=tmp_path / "p.json")
    said = f"--profile {named} and {flag} {value} both say which variant runs; leave one of them out"
    assert run_edge("--source", "demo", "--profile", named, flag, value, *more) == (2, "", f"fashion-edge: {said}\n")


def test_diff_uses_the_variant_of_a_given_profile(shipped, tmp_path, run_edge, edit_manifest):
    named = choose(shipped, "float32", path=tmp_path / "p.json")
    other = edit_manifest(lambda manifest: manifest.update(runtime={"dwell_s": 1.0}))
    done = run_edge("--source", "demo", "--frames", "2", "--profile", named, "--diff", other)
    assert done.status == 0
    assert "shipped_bundle/model.float32.tflite against bundle/model.float32.tflite" in done.err


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_CONFIG_HOME": "/etc/xdg"}, Path("/etc/xdg/fashion-edge/profile.json")),
        ({"XDG_CONFIG_HOME": "relative"}, Path.home() / ".config/fashion-edge/profile.json"),
        ({}, Path.home() / ".config/fashion-edge/profile.json"),
    ],
)
def test_the_default_profile_follows_the_xdg_specification(environ, expected):
    assert default_profile(environ) == expected


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "has schema 2, not 1"),
        ({"threads": 0}, "threads: expected int >= 1"),
        ({"threads": True}, "threads: expected int, got bool"),
        ({"file": 7}, "file: expected str, got int"),
    ],
)
def test_a_damaged_profile_is_refused_in_one_sentence(shipped, change, words):
    file = choose(shipped, "int8")
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(UsageError, match=f"{words}.*; choose again with fashion-bench --choose, or delete it"):
        load_profile(file)


@pytest.mark.parametrize("text", ["", "{", "[1]", "x" * 70_000])
def test_other_files_are_refused_as_profiles(tmp_path, text):
    (tmp_path / "profile.json").write_text(text)
    with pytest.raises(UsageError, match="choose again with fashion-bench --choose"):
        load_profile(tmp_path / "profile.json")


def test_a_too_large_profile_is_not_read_whole(tmp_path):
    file = tmp_path / "profile.json"
    with file.open("wb") as opened:
        opened.truncate(64 << 20)
    tracemalloc.start()
    with pytest.raises(UsageError, match="is larger than 64 KB"):
        load_profile(file)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


RUNTIME = """
import os, time
class Interpreter:
    def __init__(self, **_): {load}
    def allocate_tensors(self): pass
    def get_input_details(self): return [dict(index=0, shape=[1, 120, 96, 3], dtype="uint8", quantization=(1, 0))]
    def get_output_details(self): return [dict(index=0, shape=[1, 6], dtype="uint8", quantization=(1, 0))]
    def set_tensor(self, *_): pass
    def invoke(self): {invoke}
"""


@pytest.fixture(autouse=True)
def no_checks(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def broken_runtime(monkeypatch, tmp_path):
    """Let the subprocess of the check find a LiteRT that runs this code where it loads or runs a model."""

    def write(*, load: str = "pass", invoke: str = "pass") -> None:
        name_runtime("litert")  # this process keeps the real one
        package = tmp_path / "path" / "ai_edge_litert"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("__version__ = '2'")
        (package / "interpreter.py").write_text(RUNTIME.format(load=load, invoke=invoke))
        monkeypatch.syspath_prepend(package.parent)

    return write


@pytest.mark.parametrize("place", ["load", "invoke"])
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("os.abort()", r"the process that tries it is killed by SIGABRT \(aborted\); export the bundle again"),
        ("os.kill(os.getpid(), 11)", r"the process that tries it is killed by SIGSEGV \(segmentation fault\)"),
        ("os._exit(0)", "the process that tries it ends its process with status 0"),
        ("raise RuntimeError('node 7')", r"node 7\)"),
        ("bytearray(8 << 30)", "MemoryError"),
    ],
)
def test_a_model_that_crashes_is_refused_each_time(bundle_copy, broken_runtime, place, code, said):
    broken_runtime(**{place: code})
    for _ in range(2):
        with pytest.raises(ModelError, match=rf"model\.int8\.tflite does not .*{said}"):
            open_model(bundle_copy)
    assert not checks_file().exists()


def test_a_model_that_hangs_is_ended(bundle_copy, broken_runtime, monkeypatch):
    broken_runtime(load="time.sleep(99)")
    monkeypatch.setattr(isolated, "ANSWER_TIMEOUT_S", 1.5)
    with pytest.raises(ModelError, match=r"model\.int8\.tflite .* gives no answer within 1.5 s; export the"):
        open_model(bundle_copy)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_check_and_its_subprocess(bundle_copy, broken_runtime, start_edge, tmp_path, number):
    started = tmp_path / "started"
    broken_runtime(invoke=f"open({str(started)!r}, 'w').write(str(os.getpid())); time.sleep(99)")
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'path')!r})"
    edge = start_edge("--bundle", bundle_copy, "--source", "demo", "--headless", code=code)
    while not (started.exists() and started.read_text()):
        time.sleep(0.01)
    edge.send_signal(number)
    assert edge.wait(10) == 130
    assert edge.communicate()[1].strip() == "fashion-edge: interrupted"
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)


def count_starts(monkeypatch) -> list[int]:
    """Grows by one with each subprocess."""
    starts, start = [], isolated.Popen
    monkeypatch.setattr(isolated, "Popen", lambda *args, **options: starts.append(1) or start(*args, **options))
    return starts


def test_a_bundle_is_checked_once_for_each_number_of_threads(bundle_copy, monkeypatch):
    starts = count_starts(monkeypatch)
    for threads in (1, 2, 1, 2):
        open_model(bundle_copy, threads=threads)
    assert len(starts) == 2
    file = checks_file()
    assert (len(file.read_text().split()), stat.S_IMODE(file.stat().st_mode)) == (2, 0o600)
    assert [one.name for one in file.parent.iterdir()] == ["checked"]


def test_the_shipped_bundle_is_not_checked_in_a_subprocess(monkeypatch):
    starts = count_starts(monkeypatch)
    open_model(Path("shipped"))
    assert not starts
    assert not checks_file().exists()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x" * 100_000, b"0" * 64])
def test_a_damaged_file_of_checks_is_replaced(bundle_copy, monkeypatch, content):
    starts = count_starts(monkeypatch)
    checks_file().parent.mkdir(parents=True)
    checks_file().write_bytes(content)
    open_model(bundle_copy)
    open_model(bundle_copy)
    assert len(starts) == 1


def test_checks_are_remembered_up_to_a_limit(bundle_copy):
    checks_file().parent.mkdir(parents=True)
    checks_file().write_text("".join(f"{number:064x}\n" for number in range(500)))
    open_model(bundle_copy)
    assert len(checks_file().read_text().split()) == 100


@pytest.mark.parametrize("place", ["/proc/none", "/dev/null/none"])
def test_a_bundle_loads_where_no_check_can_be_remembered(bundle_copy, monkeypatch, place):
    starts = count_starts(monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", place)
    open_model(bundle_copy)
    open_model(bundle_copy)
    assert len(starts) == 2


def test_a_script_without_a_main_guard_loads_a_bundle_in_threads(bundle_copy, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from concurrent.futures import ThreadPoolExecutor\nfrom fashion_edge import Classifier\n"
        f"with ThreadPoolExecutor(3) as pool:\n    print(list(pool.map(Classifier.load, [{str(bundle_copy)!r}] * 3)))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (done.stdout.count("<Classifier"), done.stdout.count("\n"), done.stderr) == (3, 1, "")
