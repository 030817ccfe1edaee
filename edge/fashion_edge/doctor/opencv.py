"""OpenCV: exactly one of its builds, since all of them write the same folder; and a display for its window."""

from collections.abc import Iterator

from fashion_edge.doctor.machine import Finding, Machine

FLAVOURS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
MEND = "pip install 'fashion-edge[headless]'"


def builds(machine: Machine) -> list[str]:
    """The distributions of OpenCV that are installed."""
    return [name for name in FLAVOURS if machine.installed(name)]


def check_opencv(machine: Machine) -> Iterator[Finding]:
    """One build, and it can be imported."""
    names = builds(machine)
    found = [f"{name} {machine.installed(name)}" for name in names]
    if len(found) > 1:
        mend = f"pip uninstall -y {' '.join(names)} && {MEND}"
        yield Finding("opencv", "bad", f"{' and '.join(found)} overwrite each other's files", mend)
        return
    try:
        cv2 = machine.load("cv2")
    except ImportError as error:
        if "libGL" in str(error) or "libgthread" in str(error):
            mend = f"pip uninstall -y {' '.join(names)} && {MEND}" if names else MEND
            yield Finding("opencv", "bad", f"OpenCV wants a desktop's libraries ({error})", mend)
        else:
            yield Finding("opencv", "bad", f"OpenCV cannot be imported ({error})", MEND)
        return
    yield Finding("opencv", "ok", found[0] if found else f"OpenCV {cv2.__version__} of the system")


def check_display(machine: Machine) -> Iterator[Finding]:
    """Whether a window can be shown; without one OpenCV's GUI build would end the process."""
    try:
        gui = machine.load("cv2").currentUIFramework()
    except ImportError:
        return  # said above
    if not (machine.environ.get("DISPLAY") or machine.environ.get("WAYLAND_DISPLAY")):
        over_ssh = " over ssh" if machine.environ.get("SSH_CONNECTION") else ""
        mend = "fashion-edge --serve 0.0.0.0:8080"
        yield Finding("window", "note", f"no display{over_ssh}: fashion-edge runs headless; its page needs none", mend)
    elif not gui:
        window, names = "pip install 'fashion-edge[window]'", builds(machine)
        mend = f"pip uninstall -y {' '.join(names)} && {window}" if names else window
        yield Finding("window", "note", "this OpenCV has no GUI: fashion-edge runs headless, or with --serve", mend)
    else:
        yield Finding("window", "ok", f"{gui} on a display")
