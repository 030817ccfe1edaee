"""The default bundle gives its golden scores back, and colours come through every decoder."""

from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from fashion_edge.bundle import Variant, load_bundle
from fashion_edge.defaults import SHIPPED_BUNDLE, default_bundle
from fashion_edge.doctor.installation import FOR_ANY_NUMPY, builds, death, leave_one, runtime_of
from fashion_edge.doctor.machine import Finding, Machine
from fashion_edge.errors import FashionError, NewerBundleError
from fashion_edge.frame import Frame

UPDATE = "git pull && pip install --upgrade .  # in the folder of the clone"
CODEC_TOLERANCE = 12  # of 255: chroma of JPEG and video is rounded twice


def check_bundle(machine: Machine) -> Iterator[Finding]:
    """Every variant of the default bundle replays its golden frames."""
    try:
        bundle = load_bundle(folder := default_bundle())
    except FashionError as error:
        mend = UPDATE if isinstance(error, NewerBundleError) else _renew(folder)
        yield Finding("bundle", "bad", str(error), mend)
        return
    try:
        machine.load("cv2")
    except ImportError:
        yield Finding("bundle", "note", "the golden frames were not replayed: that takes OpenCV")
        return
    for variant in bundle.manifest.variants:
        yield _replay(machine, bundle.path, variant)


def _replay(machine: Machine, folder: Path, variant: Variant) -> Finding:
    outcome = machine.attempt("replay", str(folder), variant.file)
    if outcome.state == "died":
        text, mend = death(machine, runtime_of(machine, variant.runtime), outcome, "in its self-check")
        return Finding("bundle", "bad", f"{variant.file}: {text}", mend)
    if outcome.state == "missing":
        return Finding("bundle", "note", f"{variant.file} was not checked: {outcome.text}")
    if outcome.state == "refused":
        return Finding("bundle", "bad", outcome.text, _renew(folder))
    text = f"{variant.file} gives its golden scores back (largest difference {outcome.text})"
    return Finding("bundle", "ok", text)


def _renew(folder: Path) -> str:
    """The command that puts a whole bundle in the place of this one."""
    if folder == SHIPPED_BUNDLE:
        return "pip install --force-reinstall --no-deps .  # in the folder of the clone or release"
    return f"fashion-export --out {quote(str(folder))} --overwrite"


def check_colours(machine: Machine) -> Iterator[Finding]:
    """Red stays red through each decoder that a source uses."""
    try:
        cv2 = machine.load("cv2")
    except ImportError:
        return
    card = np.zeros((96, 96, 3), np.uint8)
    card[:48, :48], card[:48, 48:] = (40, 40, 200), (60, 160, 40)  # red, green
    card[48:, :48], card[48:, 48:] = (200, 60, 40), (128, 128, 128)  # blue, grey
    wrong = []
    with TemporaryDirectory() as folder:
        for name in ("card.png", "card.jpg", "card.avi"):
            try:
                seen = _through(cv2, card, Path(folder, name))
            except FashionError as error:
                wrong.append(f"{name[-3:]}: {error}")
                continue
            spots = [(slice(y + 16, y + 32), slice(x + 16, x + 32)) for y in (0, 48) for x in (0, 48)]
            if any(np.abs(seen[spot].astype(int) - card[spot]).max() > CODEC_TOLERANCE for spot in spots):
                wrong.append(f"{name[-3:]}: other colours")
    if wrong:
        text = f"colours do not come through decoding ({'; '.join(wrong)})"
        yield Finding("colours", "bad", text, _decoders_again(machine))
    else:
        yield Finding("colours", "ok", "red, green, blue and grey come through png, jpg and avi")


def _decoders_again(machine: Machine) -> str:
    """The command that puts whole decoders in the place of these, for the numpy that is there: picamera2 needs it."""
    names = builds(machine)
    if len(names) > 1:
        return leave_one(machine)
    opencv = f"{names[0]}=={machine.installed(names[0])}" if names else f"'opencv-python-headless{FOR_ANY_NUMPY}'"
    return f"pip install --force-reinstall --no-deps {opencv} pillow"


def _through(cv2: object, card: NDArray[np.uint8], path: Path) -> NDArray[np.uint8]:
    """Write the card with OpenCV, read it back as a source would."""
    from fashion_edge.sources import open_source

    if path.suffix == ".avi":
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (96, 96))  # type: ignore[attr-defined]
        writer.write(card)
        writer.release()
    else:
        cv2.imwrite(str(path), card)  # type: ignore[attr-defined]
    for item in open_source(str(path), every_frame=True).items():
        if isinstance(item, Frame):
            return item.image
    raise FashionError("no frame came back")
