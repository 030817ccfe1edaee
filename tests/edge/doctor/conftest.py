"""A machine made of files: a Raspberry Pi in a folder."""

from types import ModuleType

import pytest

from fashion_edge.doctor import Machine
from fashion_edge.isolated import JobResult

PI4 = {
    "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "51121\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
}


@pytest.fixture
def pi4():
    """The files of a Raspberry Pi 4."""
    return dict(PI4)


@pytest.fixture
def machine(tmp_path):
    """Make a machine of files, versions of distributions, and whatever else differs from a healthy Pi 4."""

    def make(files=PI4, versions=None, **changes):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        defaults = {
            "root": tmp_path,
            "environ": {},
            "installed": (versions or {}).get,
            "load": ModuleType,
            "isolated": lambda *job: JobResult("done"),
        }
        return Machine(**{**defaults, **changes})

    return make


@pytest.fixture
def refuse():
    """Make an importer, or another function, that raises."""

    def make(error):
        def load(name):
            raise error

        return load

    return make
