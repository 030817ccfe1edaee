"""OpenCV: exactly one of its builds, since all of them write the same folder; and a display for its window."""

from collections.abc import Iterator

from fashion_edge.doctor.machine import Finding, Machine

FLAVOURS = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
FOR_ANY_NUMPY = "<4.12"  # later ones want numpy 2


def builds(machine: Machine) -> list[str]:
    """The distributions of OpenCV that are installed."""
    return [name for name in FLAVOURS if machine.installed(name)]


def leave_one(machine: Machine, extra: str = "headless") -> str:
    """The command that installs the build of that extra, once those that are there have made room."""
    install, names = f"pip install 'fashion-edge[{extra}]'", builds(machine)
    return f"pip uninstall -y {' '.join(names)} && {install}" if names else install


def check_opencv(machine: Machine) -> Iterator[Finding]:
    """One build, and it can be imported."""
    found = [f"{name} {machine.installed(name)}" for name in builds(machine)]
    if len(found) > 1:
        yield Finding("opencv", "bad", f"{' and '.join(found)} overwrite each other's files", leave_one(machine))
        return
    try:
        cv2 = machine.load("cv2")
    except ImportError as error:
        desktop = "libGL" in str(error) or "libgthread" in str(error)
        what = "wants a desktop's libraries" if desktop else "cannot be imported"
        yield Finding("opencv", "bad", f"OpenCV {what} ({error})", leave_one(machine))
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
        mend = leave_one(machine, "window")
        yield Finding("window", "note", "this OpenCV has no GUI: fashion-edge runs headless, or with --serve", mend)
    else:
        yield Finding("window", "ok", f"{gui} on a display")
