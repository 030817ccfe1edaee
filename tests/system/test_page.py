"""The live page in a real browser: what `--serve` shows while a scene changes, a camera goes, and others watch."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
import numpy as np
import pytest
from chromium import Chromium, Page, chromium, find_chromium
from proxy import proxy

from fashion_edge.decide import LabelSpace
from fashion_edge.frame import Event, Frame, Item
from fashion_edge.pipeline import Labeller, Options, Summary, run
from fashion_edge.preprocess import InputSpec
from fashion_edge.readers import Latest
from fashion_edge.sinks.base import FanOut
from fashion_edge.web import Address, Origin, WebSink

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="NO BROWSER: apt install chromium to test the page"),
]

LABELS = ("blue", "dress", "red")
SPACE = LabelSpace(LABELS, {"colour": ("blue", "red"), "garment": ("dress",)}, dict.fromkeys(LABELS, 0.5))
PAINT = {"red": (40, 30, 200), "blue": (200, 60, 30)}  # B, G, R
LONG = {"colour": ("burgundy-and-cream", "red"), "garment": ("short-sleeved polo shirt", "short-sleeved shirt")}
LONG_SPACE = LabelSpace(sum(LONG.values(), ()), LONG, dict.fromkeys(sum(LONG.values(), ()), 0.5))
HASH = "(() => { const d = picture.getContext('2d').getImageData(0, 0, 640, 480).data; let h = 0;"
HASH += " for (let i = 0; i < d.length; i += 997) h = (h * 31 + d[i]) | 0; return h; })()"

DARK = "Math.max(...picture.getContext('2d').getImageData(4, 4, 1, 1).data.slice(0, 3)) < 60"


class Scene:
    """A source whose colour a test changes, and which a test can unplug."""

    name, live, still, fps = "camera:0", True, False, 30.0

    def __init__(self) -> None:
        self.colour = "red"
        self.plugged = True
        self.over = False
        self.shown = 0

    def items(self) -> Generator[Item, None, None]:
        plugged = True
        while not self.over:
            time.sleep(1 / self.fps)
            if plugged and not self.plugged:
                yield Event(self.name, "lost", time.monotonic(), "camera /dev/video0 gives no frames")
            elif self.plugged and not plugged:
                yield Event(self.name, "live", time.monotonic(), "640x480")
            plugged = self.plugged
            if plugged:
                self.shown += 1
                yield Frame(self._paint(), self.shown, time.monotonic(), self.name)

    def _paint(self) -> np.ndarray:
        image = np.full((480, 640, 3), PAINT[self.colour], np.uint8)
        image[:200, self.shown * 7 % 600 :][:, :30] = 255  # a bar that walks along the top
        return image

    def describe(self) -> str:
        return "a scene"


class ColourBackend:
    """Says which paint it sees, as a model would."""

    name, n_labels, input_shape = "colour", 3, (96, 96, 3)

    def run(self, batch: np.ndarray) -> np.ndarray:
        red = batch[0, :, :, 0].mean() > batch[0, :, :, 2].mean()
        return np.array([[0.02, 0.97, 0.95] if red else [0.96, 0.97, 0.03]], np.float32)


@contextmanager
def serving(address: str = "127.0.0.1:0", *origins: str) -> Iterator[tuple[Scene, WebSink]]:
    """A loop that labels the scene and serves it, in a thread."""
    scene, sinks, options = Scene(), FanOut(), Options(smooth_s=0.05)
    web = WebSink(Address.parse(address), SPACE, scene.name, origins=[*map(Origin.parse, origins)])
    sinks.add(web)
    manifest: Any = SimpleNamespace(space=SPACE, input=InputSpec())
    labeller = Labeller(manifest, ColourBackend(), options, still=False)

    def loop() -> None:
        with sinks, Latest(scene) as latest:
            run(latest, labeller, [sinks], options, Summary())

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield scene, web
    finally:
        scene.over = True
        thread.join(10)
        assert not thread.is_alive()
        assert sinks.failures == []


@contextmanager
def serving_nothing_yet(space: LabelSpace = SPACE) -> Iterator[WebSink]:
    """The page alone, to which a test tells what to show."""
    web = WebSink(Address.parse("127.0.0.1:0"), space, "camera:0")
    try:
        yield web
    finally:
        web.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def browse(visit: Callable[[Chromium], Coroutine[Any, Any, None]]) -> None:
    """Run a visit in a browser of its own."""

    async def main() -> None:
        async with chromium() as browser:
            await visit(browser)

    asyncio.run(main())


def says(text: str) -> str:
    return f"document.querySelector('h1')?.innerText === '{text}'"


async def assert_moving(page: Page) -> None:
    before = await page.ask(HASH)
    await page.wait(f"{HASH} !== {before}")


def test_the_picture_moves_and_the_label_changes_when_the_scene_does() -> None:
    with serving() as (scene, web):

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(web.url)
                await page.wait(says("red dress"))
                assert await page.ask("document.body.dataset.state") == "live"
                await assert_moving(page)
                assert await page.wait("parseFloat(age.textContent) < 1000")
                scene.colour = "blue"
                await page.wait(says("blue dress"))
                pixel = await page.ask("Array.from(picture.getContext('2d').getImageData(320, 400, 1, 1).data)")
                assert pixel[2] > pixel[0], "the picture must be blue where the label is"
                names = await page.ask("[...document.querySelectorAll('.chosen .name')].map((e) => e.innerText)")
                assert names == ["blue", "dress"]
                assert page.complaints == []

        browse(visit)


def test_bars_stay_where_they_are_when_the_decision_changes() -> None:
    where = "JSON.stringify([...document.querySelectorAll('.track')].map((e) => e.getBoundingClientRect()))"
    with serving() as (scene, web):

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(web.url, 390, 844)
                await page.wait(says("red dress") + " && fps.textContent !== '–'")
                before = await page.ask(where)
                scene.colour = "blue"
                await page.wait(says("blue dress"))
                assert await page.ask(where) == before
                overflow = await page.ask("document.documentElement.scrollWidth - window.innerWidth")
                assert overflow <= 0, "a phone must not scroll sideways"

        browse(visit)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_long_words_are_shown_whole_and_move_nothing(width: int) -> None:
    where = "JSON.stringify([...document.querySelectorAll('.track')].map((e) => e.getBoundingClientRect()))"
    decide = "((text, labels) => {{ showWords(text); showScores({{{scores}}}, labels); return {where}; }})"
    scores = ",".join(f"'{label}':0.5" for label in LONG_SPACE.labels)
    decide = decide.format(scores=scores, where=where)
    with serving_nothing_yet(LONG_SPACE) as web:

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(web.url, width, 700)
                await page.wait("rows.size === 4")
                short = await page.ask(f"{decide}('red ?', ['red'])")
                both = "['burgundy-and-cream', 'short-sleeved polo shirt']"
                assert await page.ask(f"{decide}({both}.join(' '), {both})") == short
                cut = "[...document.querySelectorAll('.name')].filter((e) => e.scrollWidth > e.clientWidth).length"
                assert await page.ask(cut) == 0
                assert await page.ask("document.documentElement.scrollWidth - window.innerWidth") <= 0

        browse(visit)


@pytest.mark.parametrize("width", [320, 360])
def test_the_words_of_every_state_fit_on_a_phone(width: int) -> None:
    with serving_nothing_yet() as web:

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(web.url, width, 568)
                await page.wait("rows.size === 3")
                for show in ("showSilence(12)", *(f"showState('{state}')" for state in ("starting", "away", "ended"))):
                    wide = f"({show}, document.documentElement.scrollWidth - window.innerWidth)"
                    assert await page.ask(wide) <= 0, "a phone must not scroll sideways"
                    cut = f"({show}, document.querySelector('.state').getBoundingClientRect().right)"
                    assert await page.ask(cut) <= await page.ask("still.getBoundingClientRect().left")

        browse(visit)


def test_a_phone_on_its_side_shows_the_decision_beside_the_picture() -> None:
    with serving() as (_, web):

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(web.url, 740, 360)
                await page.wait(says("red dress"))
                ends = "['picture', 'bars'].map((id) => document.getElementById(id).getBoundingClientRect().bottom)"
                assert max(await page.ask(ends)) <= 360

        browse(visit)


def test_thresholds_can_be_told_from_their_bars_and_stages_fill_theirs() -> None:
    filled = "[...stages.children].reduce((sum, e) => sum + e.getBoundingClientRect().width, 0) / stages.clientWidth"
    with serving() as (_, web):

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(web.url)
                mark = "getComputedStyle(document.querySelector('.threshold')).backgroundColor"
                assert await page.wait(f"{mark} === getComputedStyle(document.body).color")
                await page.wait(f"{filled} > 0.9")  # of whatever stages there are, however short

        browse(visit)


def test_an_output_that_is_back_is_not_said_to_fail() -> None:
    with serving_nothing_yet() as web:
        for state, detail in (("failed", "connection refused"), ("restored", "the broker answers")):
            web.event(Event("--mqtt broker", state, time.monotonic(), detail))

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(web.url)
                said = await page.wait("changes.children.length === 2 && changes.innerText")
                assert "an output is back: the broker answers" in said
                assert "an output failed: connection refused" in said
                assert await page.ask("document.querySelectorAll('.alarm').length") == 1

        browse(visit)


def test_a_program_that_hangs_is_not_shown_as_live_and_comes_back() -> None:
    with serving() as (_, web):

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(web.url)
                await page.wait(says("red dress"))
                web._server._post(lambda: time.sleep(12))  # as where the network dies: nothing comes, nothing is closed
                await page.wait("/No new frame for \\d+ s/.test(document.querySelector('.state').textContent)", 6)
                assert await page.ask("state.textContent") == "No new frame", "no screen reader counts aloud"
                await page.wait("document.body.dataset.state === 'away' && !notice.hidden", 10)
                assert await page.ask("document.querySelector('h1').innerText") == "–"
                await page.wait(says("red dress"))

        browse(visit)


def test_a_tab_in_the_background_tells_what_is_and_wakes_up_to_no_old_picture() -> None:
    hide = """Object.defineProperty(document, 'hidden', {get: () => true, configurable: true});
      said = []; words = showWords; showWords = (text) => { said.push(text); words(text); };
      frame = requestAnimationFrame; requestAnimationFrame = (go) => { wake = go; };"""
    with serving() as (scene, web):

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(web.url)
                await page.wait(says("red dress"))
                await page.ask(hide)
                await page.wait("typeof wake === 'function'")  # a picture of the red dress waits to be drawn
                scene.colour = "blue"
                await page.wait("document.title.startsWith('blue dress')")
                await asyncio.sleep(3)
                await page.ask("said = []; requestAnimationFrame = frame; wake()")
                await page.wait(says("blue dress"))
                assert "red dress" not in await page.ask("said")

        browse(visit)


def test_a_tab_in_the_background_keeps_no_word_of_a_run_that_ended() -> None:
    hide = "Object.defineProperty(document, 'hidden', {get: () => true}); requestAnimationFrame = () => {};"
    with serving() as (scene, web):

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.call("Page.enable")
                await page.call("Page.addScriptToEvaluateOnNewDocument", source=hide)
                await page.open(web.url)
                await page.wait("document.title.startsWith('red dress')")
                scene.plugged = False
                await page.wait("document.body.dataset.state === 'lost'")
                scene.plugged = True
                await page.wait("document.title.startsWith('red dress')")
                scene.over = True
                await page.wait("document.body.dataset.state === 'ended'")
                assert await page.ask("document.title") == "fashion-edge"

        browse(visit)


def test_photos_have_neither_rate_nor_age_on_the_page() -> None:
    with serving_nothing_yet() as web:

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(web.url)
                await page.wait("rows.size === 3")
                await page.ask("showFigures({stages_ms: {}, fps: null, age_p50_ms: null, age_p99_ms: null})")
                assert await page.ask("[fps, age, p99].map((e) => e.textContent)") == ["–", "–", "–"]

        browse(visit)


def test_in_high_contrast_bars_can_be_told_from_their_tracks() -> None:
    colours = "['.chosen .fill', '.track', '.stages i', '.lamp'].map((name) => "
    colours += "getComputedStyle(document.querySelector(name)).backgroundColor)"
    with serving() as (_, web):

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(web.url)
                await page.call("Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
                await page.wait(says("red dress"))
                fill, track, stage, lamp = await page.ask(colours)
                paper = await page.ask("getComputedStyle(document.body).backgroundColor")
                assert fill != track
                assert paper not in (fill, track, stage, lamp)

        browse(visit)


def test_motion_jpeg_in_a_browser_shows_that_the_camera_is_lost() -> None:
    with serving() as (scene, web):

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(f"{web.url}api/state")
                await page.wait("document.readyState === 'complete'")
                await page.ask("document.body.innerHTML = '<img id=film src=/stream.mjpg><canvas id=picture>'")
                copy = "(picture.getContext('2d').drawImage(film, 0, 0), true)"
                await page.wait(f"film.naturalWidth && {copy} && !({DARK})")
                scene.plugged = False
                await page.wait(f"{copy} && {DARK}")

        browse(visit)


def test_a_lost_camera_shows_as_lost_and_comes_back() -> None:
    with serving() as (scene, web):

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page, browser.page() as late:
                await page.open(web.url)
                await page.wait(says("red dress"))
                scene.plugged = False
                await page.wait("document.body.dataset.state === 'lost'")
                await late.open(web.url)  # who comes while there is no camera sees that too, and no old picture
                for one in (page, late):
                    await one.wait("document.body.dataset.state === 'lost'")
                    assert "No signal: camera /dev/video0 gives no frames" in await one.text()
                    assert "red dress" not in await one.ask("document.querySelector('h1').innerText")
                    assert await one.ask("document.querySelectorAll('.chosen').length") == 0
                    assert await one.ask("document.querySelectorAll('[aria-valuetext=unknown]').length") == len(LABELS)
                    await one.wait(
                        "Math.max(...picture.getContext('2d').getImageData(4, 4, 1, 1).data.slice(0, 3)) < 60"
                    )
                scene.plugged = True
                for one in (page, late):
                    await one.wait("document.body.dataset.state === 'live'")
                    await one.wait(says("red dress"))

        browse(visit)


def test_two_clients_at_once_and_a_stalled_one_do_not_hold_each_other_up() -> None:
    with serving() as (scene, web):

        async def visit(browser: Chromium) -> None:
            async with browser.page() as one, browser.page() as two, aiohttp.ClientSession() as session:
                stalled = await session.ws_connect(f"{web.url}api/live")  # never asks for a second picture
                for page in (one, two):
                    await page.open(web.url)
                    await page.wait(says("red dress"))
                for page in (one, two):
                    await assert_moving(page)
                before = scene.shown
                for page in (one, two):
                    await assert_moving(page)
                assert scene.shown > before, "the loop goes on"
                assert web.port
                await stalled.close()

        browse(visit)


def test_when_the_run_ends_the_page_says_so() -> None:
    with serving() as (scene, web):

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(web.url)
                await page.wait(says("red dress"))
                scene.over = True
                await page.wait("/The run has ended|Connection lost/.test(document.body.innerText)")
                assert await page.ask("!notice.hidden"), "no old picture stands there as if it were live"

        browse(visit)


def test_beyond_loopback_the_token_opens_and_a_wrong_one_gets_nothing() -> None:
    with serving("0.0.0.0:0") as (_, web):
        right = f"http://127.0.0.1:{web.port}/?{web.url.partition('?')[2]}"

        async def visit(browser: Chromium) -> None:
            async with browser.page() as stranger, browser.page() as guest:
                await stranger.open(f"http://127.0.0.1:{web.port}/?token=wrong")
                await asyncio.sleep(1)
                assert "fashion" not in (await stranger.text()).lower()
                assert await stranger.ask("document.getElementById('picture')") is None
                await guest.open(right)
                await guest.wait(says("red dress"))
                assert "token" not in await guest.ask("location.href"), "the token leaves the address"
                assert "fashion_edge" not in await guest.ask("document.cookie"), "no script can read it"

        browse(visit)


def test_a_page_of_another_site_sees_neither_picture_nor_state() -> None:
    attack = """new Promise((done) => {{
      const socket = new WebSocket("ws://localhost:{port}/api/live");
      socket.onmessage = () => done("seen"); socket.onerror = () => done("refused");
    }})"""
    with serving() as (_, web), serving() as (_, other):

        async def visit(browser: Chromium) -> None:
            async with browser.page() as page:
                await page.open(f"http://127.0.0.1:{other.port}/metrics")  # another origin than localhost:port
                await page.call("Page.setBypassCSP", enabled=True)
                await page.open(f"http://127.0.0.1:{other.port}/metrics?again")
                await page.wait("document.readyState === 'complete'")
                assert await page.ask(attack.format(port=web.port)) == "refused"
                state = f"fetch('http://localhost:{web.port}/api/state', {{mode: 'no-cors'}})"
                assert await page.ask(f"{state}.then(() => 'seen', () => 'refused')") == "refused"
                assert await page.ask(attack.format(port=web.port).replace("localhost", "127.0.0.1")) == "refused"

        browse(visit)


def test_behind_a_reverse_proxy_the_page_tells_what_to_add() -> None:
    async def visit(browser: Chromium) -> None:
        with serving() as (_, web):
            async with proxy(web.port) as origin, browser.page() as page:
                await page.open(f"{origin}/")
                await page.wait(f"notice.innerText.includes('start fashion-edge with --serve-origin {origin}')")
                assert await page.ask("document.body.dataset.state") == "away"

    browse(visit)


def test_behind_a_named_reverse_proxy_the_picture_moves_by_token() -> None:
    async def visit(browser: Chromium) -> None:
        port = free_port()
        async with proxy(port) as origin:
            with serving(f"127.0.0.1:{port}", origin, "https://shop.example") as (_, web):
                async with browser.page() as page, browser.page() as stranger:
                    await page.open(f"{origin}/?{web.url.partition('?')[2]}")
                    await page.wait(says("red dress"))
                    await assert_moving(page)
                    assert page.complaints == []
                    await stranger.open(f"{origin}/")
                    await asyncio.sleep(1)
                    assert await stranger.ask("document.getElementById('picture')") is None

    browse(visit)
