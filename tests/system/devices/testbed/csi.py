"""A CSI camera: unmodified picamera2 on libcamera's `virtual` pipeline, which shows pictures of a folder.

picamera2 goes to the system's dist-packages, as apt does it on Raspberry Pi OS; the project goes to a virtual
environment made with --system-site-packages by the commands of docs/how-to/raspberry-pi.md.
"""

import shutil
from pathlib import Path

from testbed.debs import Spec, make_root
from testbed.guest import Guest
from testbed.host import GUEST, WORK, fresh, run
from testbed.wheels import PIP, PIP_ENV, install_wheels, platform_options

# libcamera 0.4.0 of plain trixie leaves the frame metadata of its virtual camera unset, and picamera2 waits forever
PACKAGES = ("python3-venv", "python3-libcamera", "libcamera-ipa", "python3-prctl", "libstdc++6", "ca-certificates")
SPEC = Spec("libcamera-amd64", "amd64", ("trixie", "trixie-backports"), (*PACKAGES, "dash", "coreutils"))
PICAMERA2 = ("picamera2==0.3.38", "piexif", "videodev2", "simplejpeg", "av", "libarchive-c", "tqdm", "numpy", "pillow")
PICAMERA2 += ("jsonschema", "attrs", "referencing", "rpds-py", "jsonschema-specifications", "OpenEXR")
PIDNG = "PiDNG==4.0.9"  # has no wheel; its C part is for raw files only
CAMERA = """\
%YAML 1.1
---
"imx708-virtual":
  supported_formats:
  - width: 640
    height: 480
    frame_rates: [30, 60]
  - width: 1280
    height: 720
  frames:
    path: "/lab/frames/"
  location: "CameraLocationBack"
  model: "imx708"
"""
ENVIRONMENT = {"PYTHONPATH": "/lab/guest/glue", "LIBCAMERA_PIPELINES_MATCH_LIST": "virtual"}


def boot() -> Guest:
    """The root with one camera, imx708; it shows the pictures of /lab/frames, which is empty."""
    root = make_root(SPEC)
    packages = root / "usr/lib/python3/dist-packages"
    if not (packages / "picamera2").is_dir():
        options = platform_options("x86_64", "trixie", "3.13")
        install_wheels(packages, ["--no-deps", *options], PICAMERA2)
        add_pidng(packages)
    file = root / "usr/share/libcamera/pipeline/virtual/virtual.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(CAMERA)
    work = fresh(WORK / "work" / "libcamera")
    (work / "frames").mkdir()
    shutil.copytree(GUEST, work / "guest")
    return Guest(root, work, emulated=False, env=ENVIRONMENT)


def add_pidng(packages: Path) -> None:
    """Unpack the Python part of a source distribution."""
    folder = fresh(WORK / "pidng")
    run([*PIP, "download", "--no-deps", "--no-binary=:all:", "--dest", folder, PIDNG], env=PIP_ENV)
    (archive,) = folder.glob("*.tar.gz")
    run(["tar", "-x", "-f", archive, "-C", packages, "--strip-components=2", "--wildcards", "*/src/pidng"])
