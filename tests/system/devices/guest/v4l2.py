"""Runs in the virtual machine: tests fashion-edge with its cameras, and prints one JSON line for each fact."""

import contextlib
import io
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

from fashion_edge.cli import main
from fashion_edge.frame import Event, Frame
from fashion_edge.sources import device, open_source

VIVID, LOOPBACK = "/dev/video0", "/dev/video10"
PICTURES = Path("/pictures")
CYCLES = 20


def tell(name: str, **facts: object) -> None:
    print(f"\nFACT {json.dumps({'fact': name, 'at': round(time.monotonic(), 1), **facts})}", flush=True)


def edge(*flags: str) -> dict:
    """Run the command in this process, which imports once; returns status, messages and JSON lines."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["--headless", "--jsonl", "-", *flags])
    return {
        "status": status,
        "stderr": err.getvalue().splitlines(),
        "records": [json.loads(line) for line in out.getvalue().splitlines()],
    }


def control(name: str, value: int = 1) -> None:
    subprocess.run(["v4l2-ctl", "-d", VIVID, "-c", f"{name}={value}"], check=True, capture_output=True)


class Running:
    """A fashion-edge in a process, whose JSON lines are read as they come."""

    def __init__(self, *flags: str) -> None:
        command = ["/opt/fashion/bin/fashion-edge", "--headless", "--jsonl", "-", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.records: list[dict] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.records.append(json.loads(line))

    def wait_for(self, what: str, since: int, seconds: float = 30) -> int:
        """Index behind the first record from `since` on that has the key or, as `event:lost`, the value."""
        key, _, value = what.partition(":")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for i, record in enumerate(self.records[since:], since):
                if key in record and (not value or record[key] == value):
                    return i + 1
            time.sleep(0.05)
        raise TimeoutError(f"no {what} in {self.records[since:][-5:]}")


def single_runs() -> None:
    tell("normal", **edge("--camera", "0", "--frames", "40"))
    tell("wrong index", **edge("--camera", "7", "--frames", "1"))
    tell("unsupported size", **edge("--camera", "0", "--size", "333x222", "--frames", "1"))


def guide() -> None:
    """Run the commands of the guide by a shell."""
    for command in Path("/guest/commands").read_text().splitlines():
        done = subprocess.run(["/usr/bin/busybox", "sh", "-c", command], capture_output=True, text=True, check=False)
        tell("guide", command=command, status=done.returncode, stderr=done.stderr.splitlines())


def losses() -> None:
    """A second program, injected errors, a disconnect and an unloaded driver, all during one run."""
    running = Running("--camera", "0")
    running.wait_for("text", 0, 60)
    tell("second opener", **edge("--camera", "0", "--frames", "1"))
    for name in ("inject_v4l2_buf_flag_error", "wrap_sequence_number", "inject_vidioc_qbuf_error"):
        survive(running, name)
    for name in ("inject_fatal_streaming_error", "disconnect"):
        recover(running, name, lambda name=name: control(name))
    recover(running, "driver unloaded", unload)
    running.process.terminate()
    _, stderr = running.process.communicate(timeout=20)
    tell("ended", status=running.process.returncode, stderr=stderr.splitlines())


def survive(running: Running, name: str) -> None:
    """An error of a single buffer: frames continue, with or without a loss."""
    since = len(running.records)
    try:
        control(name)
    except subprocess.CalledProcessError as error:
        tell("survived", what=name, unknown=error.stderr.decode())
        return
    time.sleep(1.0)
    running.wait_for("text", len(running.records))
    tell("survived", what=name, events=[r for r in running.records[since:] if "event" in r])


def recover(running: Running, name: str, break_it) -> None:
    """A loss: an event, then frames again without a restart."""
    since = len(running.records)
    break_it()
    lost = running.wait_for("event:lost", since)
    live = running.wait_for("event:live", lost)
    running.wait_for("text", live)
    events = [record for record in running.records[since:] if "event" in record]
    between = [record for record in running.records[lost : live - 1] if "text" in record]
    tell("recovered", what=name, events=events, invented=len(between))


def unload() -> None:
    """Unload the driver of the camera, and load it two seconds later."""
    control("disconnect")
    for _ in range(100):
        if subprocess.run(["rmmod", "vivid"], check=False, capture_output=True).returncode == 0:
            break
        time.sleep(0.02)
    gone = not Path(VIVID).exists()
    time.sleep(2)
    subprocess.run(["modprobe", "vivid", "n_devs=1", "node_types=0x1"], check=True)
    tell("unloaded", gone=gone)


def cycles() -> None:
    """Unplug and plug in twenty times in one process: descriptors, threads and memory do not grow."""
    device.BACKOFF_S = (0.1,)  # the waits are tested elsewhere
    source = open_source("0")
    items = source.items()
    held, lost, frames = [], 0, 0
    for item in items:
        if isinstance(item, Event):
            lost += item.state == "lost"
            frames = 0
        elif isinstance(item, Frame):
            frames += 1
            if frames == 3:
                held.append(resources())
                if len(held) > CYCLES:
                    break
                control("disconnect")
    items.close()
    tell("cycles", cycles=len(held) - 1, lost=lost, held=held, after=resources())


def resources() -> dict[str, int]:
    status = Path("/proc/self/status").read_text().split()
    return {
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "rss_kb": int(status[status.index("VmRSS:") + 1]),
    }


def known_pictures() -> None:
    """Write pictures to v4l2loopback, and label what it gives."""
    for file in sorted(PICTURES.iterdir()):
        with file.open("rb") as picture:
            command = [sys.executable, "/guest/feed.py", LOOPBACK]
            feeder = subprocess.Popen(command, stdin=picture, stdout=subprocess.PIPE)
        feeder.stdout.readline()
        tell("labels", picture=file.stem, **edge("--source", LOOPBACK, "--frames", "10", "--frozen", "0"))
        feeder.kill()
        feeder.wait()


if __name__ == "__main__":
    for step in (single_runs, guide, known_pictures, losses, cycles):
        try:
            step()
        except Exception as error:
            tell("broken", step=step.__name__, error=f"{type(error).__name__}: {error}")
    tell("done")
