"""The machine and this process, read every few seconds while the page is served."""

import asyncio

import psutil

from fashion_edge.telemetry import Telemetry, read_telemetry

EVERY_S = 2.0


class Machine:
    """The newest reading."""

    def __init__(self) -> None:
        self.telemetry = Telemetry()
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call starts the measurement
        self.cpu_percent = 0.0  # of one core

    @property
    def memory_bytes(self) -> int:
        """Resident."""
        return int(self._process.memory_info().rss)

    @property
    def cpu_seconds(self) -> float:
        """User and system, since the start of the process."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    async def watch(self) -> None:
        """Read for ever; the sensors in a thread of their own, since a program may have to be asked."""
        while True:
            self.telemetry = await asyncio.to_thread(read_telemetry)
            await asyncio.sleep(EVERY_S)
            self.cpu_percent = float(self._process.cpu_percent())
