"""Sessions that need an environment other than the development one.

nox --session peers       fashion-edge against MediaPipe, a plain LiteRT loop and the tutorial's Keras loop
nox --session window      the window of OpenCV's GUI build on a virtual screen (Xvfb and xdotool)
nox --session edge        the wheel and the edge tests on each installed Python, without TensorFlow
"""

from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["edge"]

CONSTRAINTS = ("--constraint", "constraints.txt")


def build_wheel(session: nox.Session) -> Path:
    """Build the project's wheel into this session's scratch folder."""
    out = Path(session.create_tmp()).resolve()
    for old in out.glob("*.whl"):
        old.unlink()
    session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), ".", silent=True)
    return next(out.glob("*.whl"))


@nox.session(python=["3.11", "3.12", "3.13"])
def edge(session: nox.Session) -> None:
    """The base wheel installs without TensorFlow and passes the edge tests (the quick ones on newer Pythons)."""
    wheel = build_wheel(session)
    session.install("--quiet", *CONSTRAINTS, f"fashion-edge[headless,onnx,mqtt,test] @ {wheel.as_uri()}")
    session.run(
        "python", "-c", "import importlib.util as u; assert not u.find_spec('tensorflow'), 'TensorFlow is installed'"
    )
    tests = ("tests/edge", "tests/render", "tests/system/test_imports.py")
    selected = () if session.python == "3.11" else ("-m", "not slow")
    session.run("pytest", "-q", "-n", "2", "--dist", "loadfile", *selected, *tests, *session.posargs)


@nox.session
def peers(session: nox.Session) -> None:
    """The same clip and model through fashion-edge and its peers, interleaved; options go to peers/compare.py."""
    session.install("--quiet", *CONSTRAINTS, f"fashion-edge[bench] @ {build_wheel(session).as_uri()}")
    pythons = []
    for name, packages in (("mediapipe", ["mediapipe"]), ("keras", ["tensorflow", "keras", "opencv-python-headless"])):
        folder = Path(session.create_tmp()).resolve() / name
        python = str(folder / "bin" / "python")
        if not Path(python).exists():
            session.run("python", "-m", "venv", str(folder))
        constraints = CONSTRAINTS if name == "keras" else ()  # mediapipe brings an OpenCV build of its own
        session.run(python, "-m", "pip", "install", "--quiet", *constraints, *packages, external=True)
        pythons += ["--python", f"{name}={python}"]
    session.run("python", "benchmarks/peers/compare.py", *pythons, *session.posargs)


SHIPPED = "edge/fashion_edge/shipped_bundle"


@nox.session(python="3.11")
def mediapipe(session: nox.Session) -> None:
    """MediaPipe's ImageClassifier loads every TFLite file of a bundle unchanged and gives our scores."""
    session.install("--quiet", "mediapipe>=0.10.30")
    session.run("python", "tests/export/replay.py", "mediapipe", *(session.posargs or [SHIPPED]))


@nox.session(python="3.11")
def legacy(session: nox.Session) -> None:
    """The last tflite-runtime reads the int8, float16 and float32 files and gives our scores."""
    session.install("--quiet", "tflite-runtime==2.14.0", "numpy<2")
    session.run("python", "tests/export/replay.py", "tflite_runtime", *(session.posargs or [SHIPPED]))


@nox.session(python="3.11")
def window(session: nox.Session) -> None:
    """With OpenCV's GUI build, which must not meet the headless one: the window on a virtual screen, and its keys."""
    wheel = build_wheel(session)
    session.install("--quiet", *CONSTRAINTS, f"fashion-edge[window,test] @ {wheel.as_uri()}")
    session.run("pytest", "-q", "tests/system/test_window.py", *session.posargs)
