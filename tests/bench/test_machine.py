from pathlib import Path

import pytest

from fashion_bench.machine import Machine, describe_machine

PI_4 = """\
processor\t: 0
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm crc32 cpuid
CPU implementer\t: 0x41
CPU part\t: 0xd08

processor\t: 1
CPU part\t: 0xd08

Revision\t: c03114
Model\t\t: Raspberry Pi 4 Model B Rev 1.4
"""
PI_5 = PI_4.replace("0xd08", "0xd0b").replace("crc32", "asimddp asimdhp")
LAPTOP = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 fma avx512_vnni avx512f\n\nprocessor\t: 1\n"


@pytest.fixture
def machine(tmp_path: Path):
    def make(cpuinfo: str, model: str | None = None) -> Machine:
        for name, text in (
            ("proc/cpuinfo", cpuinfo),
            ("proc/meminfo", "MemTotal:        3884376 kB\nMemFree: 1 kB\n"),
            ("proc/device-tree/model", model and f"{model}\0"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "ondemand\n"),
            ("sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "1500000\n"),
        ):
            file: Path = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)
            if text:
                file.write_text(text)
        return describe_machine(tmp_path)

    return make


@pytest.mark.parametrize(
    ("cpuinfo", "board", "cpu", "features"),
    [
        (PI_4, "Raspberry Pi 4 Model B Rev 1.4", "Cortex-A72", ["neon"]),
        (PI_5, "Raspberry Pi 5 Model B Rev 1.0", "Cortex-A76", ["dotprod", "fp16", "neon"]),
        (LAPTOP, None, "Some CPU", ["avx2", "avx512f", "fma", "vnni"]),
    ],
    ids=["Pi 4", "Pi 5", "laptop"],
)
def test_board_and_processor_are_described(machine, cpuinfo, board, cpu, features):
    found = machine(cpuinfo, board)
    assert (found.board, found.cpu, found.features) == (board, cpu, features)
    assert (found.memory_gb, found.governor, found.max_clock_mhz) == (3.7, "ondemand", 1500.0)
    assert found.line.startswith(board or cpu)


def test_machines_are_compared_by_their_hardware(machine, make_document):
    pi_4, pi_5 = (machine(cpu, "Raspberry Pi 4 Model B Rev 1.4") for cpu in (PI_4, PI_5))
    assert pi_4.differences(pi_5) == [
        "cpu 'Cortex-A72' against 'Cortex-A76'",
        "features ['neon'] against ['dotprod', 'fp16', 'neon']",
    ]
    one, other = (make_document(machine=more).machine for more in ({}, {"python": "3.13.0", "governor": "performance"}))
    assert one.differences(other) == []
