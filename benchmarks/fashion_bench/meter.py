"""Energy, from a meter that the kernel shows as a file; nothing here estimates.

A file called energy* counts microjoules (hwmon energy*_input, powercap energy_uj), one called power* gives microwatts
at the moment (hwmon power*_input, as an INA219 or INA260 on the supply line has it).
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fashion_edge.errors import UsageError

IDLE_SECONDS = 2.0
LOAD_SECONDS = 4.0
INTERVAL = 0.05  # seconds between two readings of a power file


def check_meter(path: Path) -> None:
    """Raise `UsageError` where the file is no meter or cannot be read."""
    if not path.name.startswith(("energy", "power")):
        raise UsageError(f"--meter {path} is neither an energy* file (microjoules) nor a power* file (microwatts)")
    _read(path)


def measure_joules(path: Path, work: Callable[[], Any]) -> tuple[float, float, Any]:
    """(joules, seconds, what `work` gave) between its begin and its end.

    Raises:
        UsageError: the meter could not be read once, or started over.
    """
    if path.name.startswith("energy"):
        before, start = _read(path), time.monotonic()
        result = work()
        joules, seconds = (_read(path) - before) * 1e-6, time.monotonic() - start
        if joules < 0:
            raise UsageError(f"--meter {path} started over while it was read; measure again")
        return joules, seconds, result
    watts: list[float] = []
    failed: list[UsageError] = []
    done = threading.Event()

    def sample() -> None:
        try:
            while not done.is_set():
                watts.append(_read(path) * 1e-6)
                done.wait(INTERVAL)
        except UsageError as error:
            failed.append(error)

    thread = threading.Thread(target=sample, daemon=True)
    start = time.monotonic()
    thread.start()
    try:
        result = work()
    finally:
        done.set()
        thread.join()
    if failed:
        raise failed[0]
    seconds = time.monotonic() - start
    return float(np.mean(watts)) * seconds, seconds, result


def describe_energy(
    idle: tuple[float, float], load: tuple[float, float], inferences: int, meter: str
) -> dict[str, Any]:
    """Per inference, all that the meter saw and what was above idle; from (joules, seconds) of both."""
    idle_w, load_w = idle[0] / idle[1], load[0] / load[1]
    return {
        "meter": meter,
        "idle_w": round(idle_w, 4),
        "load_w": round(load_w, 4),
        "inferences": inferences,
        "gross_mj": round(load[0] / inferences * 1e3, 5),
        "net_mj": round((load[0] - idle_w * load[1]) / inferences * 1e3, 5),
    }


def _read(path: Path) -> float:
    try:
        return float(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"--meter {path} is no readable number ({error}); name a file of hwmon or powercap") from error
