"""An RTSP server whose pictures carry the time at which they were made; for a Python that has GStreamer's bindings.

    python3 rtsp_server.py PORT FPS STILL_AFTER_S NOISE [PASSWORD]

The time, in milliseconds modulo 2^32, is 32 black or white blocks along the top, least significant bit first. After
STILL_AFTER_S seconds the picture no longer moves, and NOISE is added to it: the standard deviation, in levels of 255.
With a password, the user is `admin`. Prints `ready`; ends with its standard input.
"""

import sys
import threading
import time

import gi
import numpy as np

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402  # the versions first

WIDTH, HEIGHT = 640, 352
PIPELINE = (
    "( appsrc name=camera is-live=true format=time do-timestamp=true "
    "caps=video/x-raw,format=BGR,width={width},height={height},framerate={fps}/1 ! videoconvert ! "
    "video/x-raw,format=I420 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max={fps} bitrate=3000 ! "
    "rtph264pay name=pay0 pt=96 config-interval=1 )"
)


class Camera(GstRtspServer.RTSPMediaFactory):
    """Encodes pictures at a fixed rate."""

    def __init__(self, fps: int, still_after_s: float, noise: float) -> None:
        super().__init__()
        self._fps, self._still_after_s, self._noise = fps, still_after_s, noise
        self._rng = np.random.default_rng(0)
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        waves = [110 + 50 * np.sin((a * columns + b * rows) / 60) for a, b in ((1, 0), (0, 1), (1, 1))]
        self._scene = np.stack(waves, axis=2).astype(np.float32)

    def do_create_element(self, _url):
        return Gst.parse_launch(PIPELINE.format(width=WIDTH, height=HEIGHT, fps=self._fps))

    def do_configure(self, media):
        source = media.get_element().get_by_name("camera")
        feed = threading.Thread(target=self._feed, args=(source,), daemon=True)
        begun = threading.Lock()
        # not before: frames that are pushed without a running clock have no time stamp, and some clients get no picture
        source.connect("need-data", lambda *_: begun.acquire(blocking=False) and feed.start())

    def _feed(self, source) -> None:
        began, number, picture = time.monotonic(), 0, self._draw(0)
        while source.emit("push-buffer", Gst.Buffer.new_wrapped(picture.tobytes())) == Gst.FlowReturn.OK:
            number += 1
            time.sleep(max(0.0, began + number / self._fps - time.monotonic()))
            if time.monotonic() - began < self._still_after_s:
                picture = self._draw(number)
            elif self._noise:
                noise = self._rng.normal(0, self._noise, self._scene.shape)
                picture = np.clip(self._scene + noise, 0, 255).astype(np.uint8)

    def _draw(self, number: int) -> np.ndarray:
        picture, now = np.roll(self._scene, 3 * number, 1).astype(np.uint8), int(time.time() * 1000)
        block = WIDTH // 32
        for bit in range(32):
            picture[: HEIGHT // 6, bit * block : (bit + 1) * block] = 255 * (now >> bit & 1)
        return picture


def protect(server, camera, password: str) -> None:
    """Ask for digest authentication."""
    role, token, permissions = "viewer", GstRtspServer.RTSPToken(), GstRtspServer.RTSPPermissions()
    token.set_string("media.factory.role", role)
    for permission in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role(role, permission, True)
    camera.set_permissions(permissions)
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest("admin", password, token)
    server.set_auth(auth)


def main(port: str, fps: str, still_after_s: str, noise: str, password: str = "") -> None:
    """Serve rtsp://127.0.0.1:PORT/live until standard input ends."""
    Gst.init(None)
    server, camera = GstRtspServer.RTSPServer(), Camera(int(fps), float(still_after_s), float(noise))
    camera.set_shared(True)
    server.set_address("127.0.0.1")
    server.set_service(port)
    if password:
        protect(server, camera, password)
    server.get_mount_points().add_factory("/live", camera)
    server.attach(None)
    loop = GLib.MainLoop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    print("ready", flush=True)
    loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
