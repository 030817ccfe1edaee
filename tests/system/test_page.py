"""The live page in a real browser: a scene that changes, a camera that is unplugged, several clients, a proxy."""

import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import AsyncExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from chromium import Chromium, Page, chromium, find_chromium
from proxy import proxy

from fashion_edge.decide import LabelSpace, Smoothing
from fashion_edge.frame import Event, Frame, Item
from fashion_edge.pipeline import Labeller, Options, Summary, run
from fashion_edge.preprocess import InputSpec
from fashion_edge.readers import NewestFrameReader
from fashion_edge.sinks.base import FanOut
from fashion_edge.web import Address, Origin, WebSink
from fashion_edge.web.state import LiveState

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
OVERFLOW = "document.documentElement.scrollWidth - window.innerWidth"  # a phone must not scroll sideways
TRACKS = "JSON.stringify([...document.querySelectorAll('.track')].map((e) => e.getBoundingClientRect()))"


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
        image[:200, self.shown * 7 % 600 :][:, :30] = 255  # a bar that moves along the top
        return image

    def describe(self) -> str:
        return "a scene"


class ColourBackend:
    """Scores for the paint of the scene, as a model would give them."""

    name, n_labels, input_shape = "colour", 3, (96, 96, 3)

    def run(self, batch: np.ndarray) -> np.ndarray:
        red = batch[0, :, :, 0].mean() > batch[0, :, :, 2].mean()
        return np.array([[0.02, 0.97, 0.95] if red else [0.96, 0.97, 0.03]], np.float32)


@contextmanager
def serving(address: str = "127.0.0.1:0", *origins: str) -> Iterator[tuple[Scene, WebSink]]:
    """A frame loop that labels the scene and serves it, in a thread."""
    scene, sinks, options = Scene(), FanOut(), Options(smoothing=Smoothing(smooth_s=0.05))
    web = WebSink(Address.parse(address), SPACE, scene.name, origins=[*map(Origin.parse, origins)])
    sinks.add(web)
    manifest: Any = SimpleNamespace(space=SPACE, input=InputSpec())
    labeller = Labeller(manifest, ColourBackend(), options, still=False)

    def loop() -> None:
        with sinks, NewestFrameReader(scene) as latest:
            run(latest, labeller, sinks, options, Summary())

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
def serving_nothing(space: LabelSpace = SPACE) -> Iterator[WebSink]:
    """The page without frames."""
    web = WebSink(Address.parse("127.0.0.1:0"), space, "camera:0")
    try:
        yield web
    finally:
        web.close()


@pytest.fixture(scope="module")
def browser():
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser):
    with browser.page() as tab:
        yield tab


@pytest.fixture
def still_page(page):
    """The page without frames."""
    with serving_nothing() as web:
        page.open(web.url)
        page.wait("rows.size === 3")
        yield page


@pytest.fixture
def scene(page):
    """A scene that the page shows."""
    with serving() as (scene, web):
        page.open(web.url)
        page.wait(shows("red dress"))
        yield scene


@contextmanager
def proxied(browser: Chromium, port: int, prefix: str = "") -> Iterator[str]:
    """A reverse proxy of a port; yields its origin."""
    stack = AsyncExitStack()
    yield browser.run(stack.enter_async_context(proxy(port, prefix)))
    browser.run(stack.aclose())


def shows(text: str) -> str:
    return f"document.querySelector('h1')?.innerText === '{text}'"


def in_state(state: str) -> str:
    return f"document.body.dataset.state === '{state}'"


def assert_moving(page: Page) -> None:
    page.wait(f"{HASH} !== {page.evaluate(HASH)}")


def test_picture_moves_and_the_decision_follows_the_scene(page, scene):
    assert page.evaluate(in_state("live"))
    assert_moving(page)
    assert page.wait("parseFloat(age.textContent) < 1000 && fps.textContent !== '–'")
    before = page.evaluate(TRACKS)
    scene.colour = "blue"
    page.wait(shows("blue dress"))
    pixel = page.evaluate("Array.from(picture.getContext('2d').getImageData(320, 400, 1, 1).data)")
    assert pixel[2] > pixel[0], "picture and decision are of the same frame"
    assert page.evaluate("[...document.querySelectorAll('.decided .name')].map((e) => e.innerText)") == [
        "blue",
        "dress",
    ]
    assert page.evaluate(TRACKS) == before, "bars do not move"
    assert page.errors == []


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_long_labels_are_shown_whole_and_move_nothing(page, width):
    scores = ",".join(f"'{label}':0.5" for label in LONG_SPACE.labels)
    decide = f"((text, labels) => {{ showDecision(text); showScores({{{scores}}}, labels); return {TRACKS}; }})"
    both = "['burgundy-and-cream', 'short-sleeved polo shirt']"
    with serving_nothing(LONG_SPACE) as web:
        page.open(web.url, width, 700)
        page.wait("rows.size === 4")
        short = page.evaluate(f"{decide}('red ?', ['red'])")
        assert page.evaluate(f"{decide}({both}.join(' '), {both})") == short
        cut = "[...document.querySelectorAll('.name')].filter((e) => e.scrollWidth > e.clientWidth).length"
        assert page.evaluate(cut) == 0
        assert page.evaluate(OVERFLOW) <= 0


@pytest.mark.parametrize("width", [320, 360])
def test_text_of_every_state_fits_on_a_phone(page, width):
    with serving_nothing() as web:
        page.open(web.url, width, 568)
        page.wait("rows.size === 3")
        for show in ("showStale(12)", *(f"showState('{state}')" for state in ("starting", "away", "ended"))):
            assert page.evaluate(f"({show}, {OVERFLOW})") <= 0
            right = page.evaluate(f"({show}, document.querySelector('.state').getBoundingClientRect().right)")
            assert right <= page.evaluate("still.getBoundingClientRect().left")


def test_phone_in_landscape_shows_the_decision_next_to_the_picture(page, scene):
    page.open(page.evaluate("location.href"), 740, 360)
    page.wait(shows("red dress"))
    bottoms = "['picture', 'bars'].map((id) => document.getElementById(id).getBoundingClientRect().bottom)"
    assert max(page.evaluate(bottoms)) <= 360


def test_thresholds_stand_out_and_stages_fill_their_bar(page, scene):
    filled = "[...stages.children].reduce((sum, e) => sum + e.getBoundingClientRect().width, 0) / stages.clientWidth"
    mark = "getComputedStyle(document.querySelector('.threshold')).backgroundColor"
    assert page.wait(f"{mark} === getComputedStyle(document.body).color")
    page.wait(f"{filled} > 0.9")


def test_outputs_that_fail_and_work_again_are_in_the_history(page):
    with serving_nothing() as web:
        for state, detail in (("failed", "connection refused"), ("restored", "the broker answers")):
            web.event(Event("--mqtt broker", state, time.monotonic(), detail))
        page.open(web.url)
        history = page.wait("changes.children.length === 2 && changes.innerText")
        for entry in ("an output works again: the broker answers", "an output failed: connection refused"):
            assert entry in history
        assert page.evaluate("document.querySelectorAll('.alarm').length") == 1


def test_server_that_hangs_is_not_shown_as_live_and_recovers(page, scene, monkeypatch):
    record, hangs = LiveState.record, [12.0]

    def slow_record(*given):
        time.sleep(hangs.pop() if hangs else 0)  # as with a broken network: nothing arrives, nothing is closed
        return record(*given)

    monkeypatch.setattr(LiveState, "record", slow_record)
    page.wait("/No new frame for \\d+ s/.test(document.querySelector('.state').textContent)", 7)
    assert page.evaluate("state.textContent") == "No new frame", "a screen reader announces no seconds"
    page.wait(in_state("away") + " && !notice.hidden", 10)
    assert page.evaluate("document.querySelector('h1').innerText") == "–"
    page.wait(shows("red dress"))


def test_hidden_tab_updates_its_title_and_shows_no_old_picture_later(page, scene):
    hide = """Object.defineProperty(document, 'hidden', {get: () => true, configurable: true});
      shown = []; original = showDecision; showDecision = (text) => { shown.push(text); original(text); };
      frame = requestAnimationFrame; requestAnimationFrame = (go) => { wake = go; };"""
    page.evaluate(hide)
    page.wait("typeof wake === 'function'")  # a picture of the red dress waits to be drawn
    scene.colour = "blue"
    page.wait("document.title.startsWith('blue dress')")
    time.sleep(3)
    page.evaluate("shown = []; requestAnimationFrame = frame; wake()")
    page.wait(shows("blue dress"))
    assert "red dress" not in page.evaluate("shown")


def test_hidden_tab_clears_its_title_when_the_run_ends(page):
    hide = "Object.defineProperty(document, 'hidden', {get: () => true}); requestAnimationFrame = () => {};"
    with serving() as (scene, web):
        page.call("Page.enable")
        page.call("Page.addScriptToEvaluateOnNewDocument", source=hide)
        page.open(web.url)
        page.wait("document.title.startsWith('red dress')")
        scene.plugged = False
        page.wait(in_state("lost"))
        scene.plugged = True
        page.wait("document.title.startsWith('red dress')")
        scene.over = True
        page.wait(in_state("ended"))
        assert page.evaluate("document.title") == "fashion-edge"


def test_photos_have_neither_rate_nor_age(still_page):
    still_page.evaluate("showFigures({stages_ms: {}, fps: null, age_p50_ms: null, age_p99_ms: null})")
    assert still_page.evaluate("[fps, age, p99].map((e) => e.textContent)") == ["–", "–", "–"]


def test_high_contrast_keeps_bars_visible(page, scene):
    colours = "['.decided .fill', '.track', '.stages i', '.indicator'].map((name) => "
    colours += "getComputedStyle(document.querySelector(name)).backgroundColor)"
    page.call("Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
    fill, track, stage, indicator = page.evaluate(colours)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert fill != track
    assert background not in (fill, track, stage, indicator)


def test_motion_jpeg_shows_that_the_camera_is_lost(page, scene):
    page.open(page.evaluate("location.href") + "api/state")
    page.wait("document.readyState === 'complete' && location.pathname === '/api/state'")
    page.evaluate("document.body.innerHTML = '<img id=film src=/stream.mjpg><canvas id=picture>'")
    copy = "(picture.getContext('2d').drawImage(film, 0, 0), true)"
    page.wait(f"film.naturalWidth && {copy} && !({DARK})")
    scene.plugged = False
    page.wait(f"{copy} && {DARK}")


def test_lost_camera_is_shown_to_all_clients_and_comes_back(browser):
    with serving() as (scene, web), browser.page() as early, browser.page() as late:
        early.open(web.url)
        early.wait(shows("red dress"))
        scene.plugged = False
        early.wait(in_state("lost"))
        late.open(web.url)
        for page in (early, late):
            page.wait(in_state("lost"))
            assert "No signal: camera /dev/video0 gives no frames" in page.text()
            assert "red dress" not in page.evaluate("document.querySelector('h1').innerText")
            for selector, count in ((".decided", 0), ("[aria-valuetext=unknown]", len(LABELS))):
                assert page.evaluate(f"document.querySelectorAll('{selector}').length") == count
            page.wait(DARK)
        scene.plugged = True
        for page in (early, late):
            page.wait(f"{in_state('live')} && {shows('red dress')}")


def test_clients_do_not_delay_each_other_or_the_loop(browser, page, scene):
    url = page.evaluate("location.href")
    address = ("127.0.0.1", int(url.rsplit(":", 1)[1].strip("/")))
    with browser.page() as other, socket.create_connection(address) as stalled:
        stalled.sendall(f"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1:{address[1]}\r\n\r\n".encode())
        other.open(url)
        other.wait(shows("red dress"))
        before = scene.shown
        assert_moving(page)
        assert_moving(other)
        assert scene.shown > before


def test_end_of_the_run_is_shown(page, scene):
    scene.over = True
    page.wait(in_state("ended"))
    assert not page.evaluate("notice.hidden"), "no old picture remains as if it were live"


def test_token_opens_the_page_and_a_wrong_one_does_not(browser):
    with serving("0.0.0.0:0") as (_, web), browser.page() as wrong, browser.page() as right:
        wrong.open(f"http://127.0.0.1:{web.port}/?token=wrong")
        time.sleep(1)
        assert "fashion" not in wrong.text().lower()
        assert wrong.evaluate("document.getElementById('picture')") is None
        right.open(f"http://127.0.0.1:{web.port}/?{web.url.partition('?')[2]}")
        right.wait(shows("red dress"))
        assert "token" not in right.evaluate("location.href")
        assert "fashion_edge" not in right.evaluate("document.cookie"), "scripts cannot read the cookie"


def test_page_of_another_site_reads_neither_picture_nor_state(page):
    with serving() as (_, web), serving() as (_, other):
        page.open(f"http://127.0.0.1:{other.port}/metrics")  # another origin than localhost:port
        page.call("Page.setBypassCSP", enabled=True)
        page.open(f"http://127.0.0.1:{other.port}/metrics?again")
        page.wait("document.readyState === 'complete'")
        requests = [
            (f"http://{host}:{web.port}/{path}", f"method: '{method}'")
            for host in ("localhost", "127.0.0.1")
            for path, method in (("api/picture", "POST"), ("api/state", "GET"), ("api/events", "GET"))
        ]
        for url, options in [*requests, (f"http://localhost:{web.port}/api/state", "mode: 'no-cors'")]:
            assert page.evaluate(f"fetch('{url}', {{{options}}}).then(() => 'read', () => 'refused')") == "refused"


def test_unnamed_reverse_proxy_is_refused_with_the_flag_to_add(browser, page):
    with serving() as (_, web), proxied(browser, web.port) as origin:
        page.open(f"{origin}/")
        page.wait(f"notice.innerText.includes('start fashion-edge with --serve-origin {origin}')")
        assert page.evaluate(in_state("away"))


@pytest.mark.parametrize("prefix", ["", "/cameras/shop"])
def test_named_reverse_proxy_works_with_the_token(browser, prefix):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with (
        proxied(browser, port, prefix) as origin,
        serving(f"127.0.0.1:{port}", origin, "https://shop.example") as (_, web),
        browser.page() as page,
        browser.page() as without,
    ):
        page.open(f"{origin}{prefix}/?{web.url.partition('?')[2]}")
        page.wait(shows("red dress"))
        assert_moving(page)
        assert page.evaluate("location.pathname + location.search") == f"{prefix}/"
        assert page.evaluate("fetch(still.href).then((response) => response.status)") == 200
        assert page.errors == []
        without.open(f"{origin}{prefix}/")
        time.sleep(1)
        assert without.evaluate("document.getElementById('picture')") is None


def test_page_works_in_a_frame_of_the_proxy_as_in_home_assistant(browser):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with (
        proxied(browser, port, "/api/hassio_ingress/a1b2") as origin,
        serving(f"127.0.0.1:{port}", origin, "https://shop.example") as (_, web),
        browser.page() as page,
    ):
        page.open(f"{origin}/panel?{web.url.partition('?')[2]}")
        page.wait("document.querySelector('iframe')?.contentDocument?.querySelector('h1')?.innerText === 'red dress'")
        assert page.errors == []
