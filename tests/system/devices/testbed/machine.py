"""An arm64 virtual machine with a V4L2 camera: Debian's kernel, its `vivid` driver, and v4l2loopback built for it."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from testbed import pi
from testbed.debs import Spec, fetch, make_root, unpack
from testbed.guest import PROCESSOR, Guest
from testbed.guide import bounded, commands
from testbed.host import GUEST, WORK, fresh, shell
from testbed.wheels import PINNED

SUITE = "trixie"
PACKAGES = ("python3", "libstdc++6", "busybox-static", "kmod", "v4l-utils", "linux-image-arm64")
TOOLS = (
    *("qemu-system-arm", "make", "gcc-14-aarch64-linux-gnu", "e2fsprogs", "cpio", "kmod", "xz-utils", "gzip"),
    *("bash", "dash", "coreutils", "findutils", "sed", "grep", "gawk"),
)
EARLY = ("crc16", "mbcache", "jbd2", "crc32c_generic", "libcrc32c", "ext4", "virtio_blk")  # to reach the disk, in order
KERNEL_LINE = "console=ttyAMA0 quiet loglevel=3 mitigations=off nokaslr panic=-1 nowatchdog"


COUNTING = "tcg,thread=single -icount shift=0,sleep=off -smp 1"  # a nanosecond of guest time for each instruction


def boot(tools: Guest, timeout: float, program: str = "v4l2.sh", processors: str = "tcg,thread=multi -smp 2") -> str:
    """Boot, run a program of the guest folder, power off; returns the text of the console, also after a timeout."""
    command = (
        f"qemu-system-aarch64 -M virt -cpu {PROCESSOR} -accel {processors} -m 1024 -nodefaults"
        " -no-user-config -display none -no-reboot -serial stdio -kernel /lab/kernel -initrd /lab/initrd"
        f" -append '{KERNEL_LINE} program={program}' -drive if=none,id=disk,file=/lab/disk,format=raw,snapshot=on"
        " -device virtio-blk-pci,drive=disk -device virtio-rng-pci"
    )
    try:
        return tools.run(command, timeout=timeout).stdout
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode("utf-8", "replace") + f"\nno end after {timeout:g} s"


def build(wheel: Path, pictures: Mapping[str, bytes]) -> Guest:
    """Return a guest with qemu; kernel, initrd and the disk with wheel and pictures are in its work folder."""
    root = make_root(Spec("v4l2-arm64", "arm64", (SUITE,), PACKAGES))
    release = next((root / "usr/lib/modules").iterdir()).name  # as in 6.12.43+deb13-arm64
    kbuild = f"linux-kbuild-{release.removesuffix('-arm64')}"
    tools = Guest(
        make_root(Spec("tools-amd64", "amd64", (SUITE,), (*TOOLS, kbuild))), fresh(WORK / "work" / "v4l2"), False
    )
    _build_loopback(tools, root, release)
    tree = _make_tree(tools, root, release, wheel, pictures)
    shutil.copy(root / f"boot/vmlinuz-{release}", tools.work / "kernel")
    tools.check(f"bash /lab/initrd.sh /lab/tree/usr/lib/modules/{release} /lab/tree/usr/bin/busybox {' '.join(EARLY)}")
    tools.check("mkfs.ext4 -q -F -O ^has_journal -d /lab/tree /lab/disk 1400M")
    shutil.rmtree(tree)
    return tools


def _build_loopback(tools: Guest, root: Path, release: str) -> None:
    """Cross-compile v4l2loopback from Debian's source package, once."""
    target = root / f"usr/lib/modules/{release}/v4l2loopback.ko"
    if target.is_file():
        return
    headers = (f"linux-headers-{release}", f"linux-headers-{release.replace('-arm64', '-common')}")
    spec = Spec("v4l2loopback", "arm64", (SUITE,), (*headers, "v4l2loopback-dkms"))
    unpack(fetch(spec, alone=True), tools.root)
    (tools.root / "usr/bin/awk").unlink(missing_ok=True)
    (tools.root / "usr/bin/awk").symlink_to("gawk")  # what configuring the package would do
    (source,) = (tools.root / "usr/src").glob("v4l2loopback-*")
    options = "ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- CC=aarch64-linux-gnu-gcc-14"
    tools.check(f"make -C /usr/src/linux-headers-{release} M=/usr/src/{source.name} {options} modules")
    shutil.copy(source / "v4l2loopback.ko", target)


def _make_tree(tools: Guest, root: Path, release: str, wheel: Path, pictures: Mapping[str, bytes]) -> Path:
    """The content of the disk: the root, the wheel in /opt/fashion, /guest and /pictures."""
    work, tree = tools.work, tools.work / "tree"
    shell('cp -al "$1" "$2" && cd "$2" && rm -rf boot usr/share/doc usr/share/man usr/share/locale', root, tree)
    venv = tree / "opt/fashion"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").symlink_to("/usr/bin/python3")
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    requirement = f"fashion-edge[headless] @ {wheel.as_uri()}"
    older = "orjson"  # which commits import that benchmarks/edge_instructions.py compares with
    pi.install(Guest(tree, work, emulated=True), SUITE, "/opt/fashion", [requirement, older], *PINNED)
    tools.check(f"depmod -b /lab/tree {release}")
    shutil.copytree(GUEST, tree / "guest")
    shutil.copy(GUEST / "initrd.sh", work)
    for name in ("pictures", "proc", "sys", "dev", "tmp", "root"):
        (tree / name).mkdir(exist_ok=True)
    (tree / "root/fashion").symlink_to("/opt/fashion")
    (tree / "guest/commands").write_text("".join(f"{line}\n" for line in camera_commands()))
    for name, data in pictures.items():
        (tree / "pictures" / name).write_bytes(data)
    return tree


def camera_commands() -> list[str]:
    """The commands of the guide for a USB camera."""
    return [bounded(command) for command in commands() if "--camera" in command]
