"""A headless Chromium, driven over the DevTools protocol with aiohttp: no driver and no library of its own."""

import asyncio
import json
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--remote-debugging-port=0",
)  # fmt: skip
START_TIMEOUT_S = 30.0
T = TypeVar("T")


def find_chromium() -> str | None:
    """The program, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def background_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Page:
    """One tab with cookies of its own."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, loop: asyncio.AbstractEventLoop) -> None:
        self._socket = socket
        self._loop = loop
        self._number = 0
        self.errors: list[str] = []  # exceptions, console errors, what the content policy refused

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Run one DevTools command."""
        return asyncio.run_coroutine_threadsafe(self.send(method, **params), self._loop).result(30)

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Run one DevTools command; events that arrive meanwhile are collected or ignored."""
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            message = json.loads((await self._socket.receive(timeout=20)).data)
            if message.get("id") == self._number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            params = message.get("params", {})
            if message.get("method") == "Runtime.exceptionThrown":
                self.errors.append(params["exceptionDetails"]["text"])
            elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
                self.errors.append(params["entry"]["text"])

    def open(self, url: str, width: int = 1280, height: int = 800) -> None:
        """Navigate, with a screen of this size."""
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str, seconds: float = 15.0) -> Any:
        """The first truthy value of an expression, which may throw while the page is loading."""
        deadline = time.monotonic() + seconds
        guarded = f"(() => {{ try {{ return {expression} }} catch {{ return null }} }})()"
        while not (value := self.evaluate(guarded)):
            assert time.monotonic() < deadline, f"{expression} did not become true; the page shows {self.text()!r}"
            time.sleep(0.05)
        return value

    def text(self) -> str:
        """The visible text."""
        return str(self.evaluate("document.body ? document.body.innerText : ''"))


class Chromium:
    """A running browser."""

    def __init__(self, port: int, loop: asyncio.AbstractEventLoop) -> None:
        self._address = f"http://127.0.0.1:{port}"
        self._loop = loop

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop of the browser."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    @contextmanager
    def page(self) -> Iterator[Page]:
        """A new tab."""
        stack = AsyncExitStack()
        yield self.run(self._open_page(stack))
        self.run(stack.aclose())

    async def _open_page(self, stack: AsyncExitStack) -> Page:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        async with session.get(f"{self._address}/json/version") as answer:
            browser = (await answer.json())["webSocketDebuggerUrl"]
        root = Page(await stack.enter_async_context(session.ws_connect(browser)), self._loop)
        context = (await root.send("Target.createBrowserContext"))["browserContextId"]
        stack.push_async_callback(root.send, "Target.disposeBrowserContext", browserContextId=context)
        target = (await root.send("Target.createTarget", url="about:blank", browserContextId=context))["targetId"]
        url = browser.split("/devtools/")[0] + f"/devtools/page/{target}"
        return Page(await stack.enter_async_context(session.ws_connect(url, max_msg_size=64 << 20)), self._loop)


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Start it with an empty profile, and end it."""
    program = find_chromium()
    assert program
    with background_loop() as loop, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield Chromium(_port(Path(profile) / "DevToolsActivePort"), loop)
        finally:
            child.terminate()
            child.wait(10)


def _port(file: Path) -> int:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not (file.exists() and (lines := file.read_text().splitlines())):
        assert time.monotonic() < deadline, f"chromium did not start within {START_TIMEOUT_S:g} s"
        time.sleep(0.05)
    return int(lines[0])
