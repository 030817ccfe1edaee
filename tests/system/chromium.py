"""A headless Chromium, driven over the DevTools protocol with aiohttp: no driver, no library of its own."""

import asyncio
import base64
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--remote-debugging-port=0",
)  # fmt: skip
START_S = 30.0


def find_chromium() -> str | None:
    """The program, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.complaints: list[str] = []  # exceptions, console errors, what the content policy refused

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One DevTools command and its answer; events that come in between are noted or ignored."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            message = json.loads((await self._socket.receive(timeout=20)).data)
            if message.get("id") == self._number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])
        elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"]["text"])

    async def open(self, url: str, width: int = 1280, height: int = 800, scale: float = 1, dark: bool = False) -> None:
        """Go there, on a screen of this size."""
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        mobile = width < 600
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        await self.call("Page.navigate", url=url)

    async def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def wait(self, expression: str, seconds: float = 15.0) -> Any:
        """The first truthy value of an expression, which may fail while the page is not there yet."""
        until = time.monotonic() + seconds
        patient = f"(() => {{ try {{ return {expression} }} catch {{ return null }} }})()"
        while not (value := await self.ask(patient)):
            assert time.monotonic() < until, f"{expression} did not come true; the page says {await self.text()!r}"
            await asyncio.sleep(0.05)
        return value

    async def text(self) -> str:
        """Everything that can be read."""
        return str(await self.ask("document.body ? document.body.innerText : ''"))

    async def screenshot(self, path: Path) -> None:
        """What is seen, as PNG."""
        path.write_bytes(base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"]))


class Chromium:
    """A running browser."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        self._address = address

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """A new tab with cookies of its own."""
        async with self._session.get(f"{self._address}/json/version") as answer:
            browser = (await answer.json())["webSocketDebuggerUrl"]
        async with self._session.ws_connect(browser) as control:
            root = Page(control)
            context = (await root.call("Target.createBrowserContext"))["browserContextId"]
            target = (await root.call("Target.createTarget", url="about:blank", browserContextId=context))["targetId"]
            url = browser.split("/devtools/")[0] + f"/devtools/page/{target}"
            async with self._session.ws_connect(url, max_msg_size=64 << 20) as socket:
                yield Page(socket)
            await root.call("Target.disposeBrowserContext", browserContextId=context)


@asynccontextmanager
async def chromium() -> AsyncIterator[Chromium]:
    """Start it with an empty profile, and end it."""
    program = find_chromium()
    assert program
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port = await _port(Path(profile) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                yield Chromium(session, f"http://127.0.0.1:{port}")
        finally:
            child.terminate()
            child.wait(10)


async def _port(file: Path) -> int:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if file.exists() and (lines := file.read_text().splitlines()):
            return int(lines[0])
        await asyncio.sleep(0.05)
    raise AssertionError(f"chromium did not start within {START_S:g} s")
