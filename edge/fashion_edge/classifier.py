"""The public API: a classifier for photos, arrays and live video."""

import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn, Union

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import ImageError, ScoreError, UsageError
from fashion_edge.frame import Event, Fault, Frame, ModelInput, Roi
from fashion_edge.images import pil_to_bgr, read_image
from fashion_edge.loading import Model, open_model
from fashion_edge.pipeline import Labeller, Options
from fashion_edge.readers import PrefetchReader, Reader, make_reader
from fashion_edge.redact import redact
from fashion_edge.result import Result
from fashion_edge.sources import open_source
from fashion_edge.typed_json import encode_json

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

log = logging.getLogger("fashion_edge")

ImageLike = Union[str, os.PathLike[str], "PILImage", NDArray[np.uint8]]  # a forward reference has no |
Channels = Literal["BGR", "RGB"]
OnError = Callable[[str, ImageError], None]


class Classifier:
    """A multi-label image classifier, loaded from a bundle and verified by its golden inputs.

    Methods may be called from several threads; the model itself runs for one of them at a time. For parallel work load
    one classifier in each process.

    Example:
        >>> import numpy as np
        >>> from fashion_edge import Classifier
        >>> classifier = Classifier.load("shipped")
        >>> classifier.labels
        ('black', 'blue', 'dress', 'jeans', 'red', 'shirt')
        >>> result = classifier.classify(np.full((480, 640, 3), 255, np.uint8))
        >>> result.text, result.labels, result.decision["colour"]
        ('nothing I know', (), None)
    """

    def __init__(self, model: Model) -> None:
        """Use a model that was loaded before; see `load`."""
        self._model = model
        self._manifest = model.bundle.manifest
        self._photos = Labeller(self._manifest, model.backend, Options(), still=True)
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        runtime: Literal["litert", "onnx"] | None = None,
        precision: Literal["int8", "int16x8", "dynamic", "float16", "float32"] | None = None,
        threads: int | None = None,
    ) -> "Classifier":
        """Load a bundle, and verify its scores on golden inputs.

        Args:
            path: bundle folder, or `shipped`; by default the newest bundle in ./bundles, else the shipped one.
            runtime: inference runtime; by default that of the device profile that `fashion-bench --choose` wrote, else
                that of the bundle's first variant.
            precision: precision of the variant; by default as for `runtime`.
            threads: threads for inference, 1 to 64; by default as for `runtime`, else 1.

        Raises:
            BundleError: the bundle is missing, damaged, or has no such variant.
            ModelError: the model does not load, or its scores differ from the golden ones.
            MissingExtraError: the runtime is not installed; the message is the pip command.
            UsageError: `threads` is out of range, or the device profile is damaged.

        Example:
            >>> Classifier.load("shipped", precision="float32")
            <Classifier model.float32.tflite: black, blue, dress, jeans, red, shirt>
        """
        if threads is not None and not 1 <= threads <= 64:
            raise UsageError(f"threads must be 1 to 64, not {threads}")
        folder = None if path is None else Path(path)
        return cls(open_model(folder, runtime=runtime, precision=precision, threads=threads))

    def __repr__(self) -> str:
        """Return the model file and the labels."""
        return f"<Classifier {self._model.variant.file}: {', '.join(self.labels)}>"

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels of the model, in the order of its scores."""
        return self._manifest.space.labels

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Labels that exclude each other, by group; a label in no group is decided independently."""
        return self._manifest.space.groups

    def classify(self, image: ImageLike, *, channels: Channels = "BGR") -> Result:
        """Classify one image.

        Args:
            image: path of a photo, a PIL image, or an array (height, width, 3) uint8 of any size.
            channels: channel order of an array; OpenCV gives `BGR`, most other libraries `RGB`.

        Returns:
            Labels, scores and decision. `result.frame.image` is the decoded image in B, G, R order; an array in that
            order is not copied.

        Raises:
            ImageError: the file cannot be read, or the array has another shape or dtype.
            ScoreError: the model gives NaN, infinity or a score outside 0..1; it is an `ImageError`, too.
            UsageError: `channels` is neither `BGR` nor `RGB`.

        Example:
            >>> result = classifier.classify("photo.jpg")  # doctest: +SKIP
            >>> result.text, result.scores["red"]  # doctest: +SKIP
            ('red dress', 0.996)
        """
        item = self._photos.prepare(_to_frame(image, 0, _check_channels(channels)))
        with self._lock:
            return self._photos.label_input(item)

    def classify_batch(
        self, images: Iterable[ImageLike], *, channels: Channels = "BGR", on_error: OnError | None = None
    ) -> Iterator[Result]:
        """Classify many images in bounded memory, while a thread decodes the next ones.

        Args:
            images: images as for `classify`; a generator is consumed in the thread, a few images ahead.
            channels: channel order of arrays.
            on_error: called with the source and the error of an image that cannot be read (in the thread) or that gets
                no valid scores, which is then skipped; by default the error is raised, and the iteration ends.

        Returns:
            An iterator of results in the order of `images`; `result.frame.source` is the path, and
            `result.frame.index` the position.

        Raises:
            ImageError: an image cannot be read, and `on_error` is not given.
            ScoreError: the model gives NaN, infinity or a score outside 0..1, and `on_error` is not given.
            UsageError: `images` is one image, or `channels` is neither `BGR` nor `RGB`.

        Example:
            >>> failed = {}
            >>> for result in classifier.classify_batch(paths, on_error=failed.__setitem__):  # doctest: +SKIP
            ...     print(result.frame.source, result.text)
        """
        if _is_one_image(images):
            raise UsageError("images must be an iterable of images; use classify for one")
        frames = partial(_make_frames, images, _check_channels(channels), on_error)
        return self._results(PrefetchReader(frames, self._photos.prepare), self._photos, on_error or _raise)

    def stream(
        self, source: str | int | os.PathLike[str] = 0, *, roi: str = "auto", every_frame: bool = False
    ) -> AbstractContextManager[Iterator[Result]]:
        """Classify the frames of a camera, a video, a stream or a folder.

        Labels of live video are smoothed over time. The newest frame of a live source wins: older ones are dropped
        while the loop is busy. A camera that is lost is opened again; that, a photo that cannot be read, and frames
        without valid scores, which are skipped, are logged to the logger `fashion_edge`. Leaving the context releases
        the device.

        Args:
            source: number of a camera, or what `fashion-edge --source` takes: an image, a folder, a video, a URL,
                `picamera`, `demo`, `replay:DIR`.
            roi: region of interest: `auto`, `full`, `guide`, or `LEFT,TOP,WIDTH,HEIGHT` in fractions of the frame.
            every_frame: drop no frame, however old labels get.

        Returns:
            A context manager: `with classifier.stream(...) as results:` opens the source and gives an iterator of
            results.

        Raises:
            SourceError: on entering, the source cannot be opened; the message says what would work.
            UsageError: on entering, `roi` is not a region of interest; or the context manager is iterated itself.

        Example:
            >>> classifier = Classifier.load("shipped")
            >>> with classifier.stream("demo") as results:
            ...     result = next(results)
            >>> result.frame.image.shape, result.age_s < 1
            ((480, 640, 3), True)
        """
        return _Stream(partial(self._open_stream, str(source), roi, every_frame))

    def _open_stream(self, source: str, roi: str, every_frame: bool) -> Generator[Result, None, None]:
        opened = open_source(source, every_frame=every_frame)
        options = Options(Roi.parse(roi), self._manifest.live)
        labeller = Labeller(self._manifest, self._model.backend, options, still=opened.still)
        return self._results(make_reader(opened, labeller.prepare), labeller)

    def _results(
        self, reader: Reader, labeller: Labeller, on_error: OnError | None = None
    ) -> Generator[Result, None, None]:
        with reader:
            for item in reader:
                if isinstance(item, Frame | ModelInput):
                    prepared = labeller.prepare(item) if isinstance(item, Frame) else item
                    try:
                        with self._lock:
                            result = labeller.label_input(prepared)
                    except ScoreError as error:
                        if on_error is not None:
                            on_error(prepared.frame.source, error)
                        elif not (fault := labeller.refuse(prepared.frame, error)).repeated:
                            log.warning("%s", fault.reason)
                        continue
                    yield result
                elif isinstance(item, Fault):
                    log.warning("%s", item.reason)
                elif isinstance(item, Event):
                    labeller.reset()
                    log.warning("%s %s: %s", item.source, item.state, item.detail)


class _Stream(AbstractContextManager[Iterator[Result]]):
    """Opens a source on entering, and closes it on leaving."""

    def __init__(self, open_results: Callable[[], Generator[Result, None, None]]) -> None:
        self._open_results = open_results

    def __enter__(self) -> Iterator[Result]:
        self._results = self._open_results()
        return self._results

    def __exit__(self, *_: object) -> None:
        self._results.close()

    def __iter__(self) -> NoReturn:
        raise UsageError("open the stream in a with statement: with classifier.stream(...) as results")


def _raise(_: str, error: ImageError) -> NoReturn:
    raise error


def _make_frames(
    images: Iterable[ImageLike], channels: Channels, on_error: OnError | None
) -> Generator[Frame, None, None]:
    for index, image in enumerate(images):
        try:
            frame = _to_frame(image, index, channels)
        except ImageError as error:
            if on_error is None:
                raise
            on_error(_name(image), error)
        else:
            yield frame


def _check_channels(channels: Channels) -> Channels:
    if channels not in ("BGR", "RGB"):
        raise UsageError(f'channels must be "BGR" or "RGB", not {encode_json(str(channels)[:40]).decode()}')
    return channels


def _to_frame(image: ImageLike, index: int, channels: Channels) -> Frame:
    started = time.monotonic()
    if isinstance(image, str) and "://" in image:
        raise ImageError(f"{redact(image)} is an address, not a file; download it first")
    if isinstance(image, str | os.PathLike):
        pixels = read_image(Path(image))
    elif isinstance(image, np.ndarray):
        pixels = _check_array(image)
        if channels == "RGB":
            pixels = np.ascontiguousarray(pixels[:, :, ::-1])
    elif hasattr(image, "getexif"):  # without importing Pillow
        pixels = pil_to_bgr(image)
    elif isinstance(image, bytes | bytearray | memoryview):
        raise ImageError("an image is not bytes; decode them first: PIL.Image.open(io.BytesIO(...))")
    else:
        raise ImageError(f"an image is a path, a PIL image or an array, not {type(image).__name__}")
    return Frame(pixels, index, started, _name(image), time.monotonic() - started)


def _is_one_image(images: object) -> bool:
    if isinstance(images, np.ndarray):
        return images.ndim == 3
    return isinstance(images, str | bytes | os.PathLike) or hasattr(images, "getexif")


def _check_array(image: NDArray[np.generic]) -> NDArray[np.uint8]:
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ImageError(f"an image array has the shape (height, width, 3), not {image.shape}; convert it first")
    if image.dtype != np.uint8:
        scale = "multiply by 255 if it is 0 to 1, then " if image.dtype.kind == "f" else "convert it: "
        hint = f"{scale}.astype(np.uint8)"
        raise ImageError(f"an image array has the dtype uint8 and values 0 to 255, not {image.dtype}; {hint}")
    return image  # type: ignore[return-value]


def _name(image: object) -> str:
    """Path of an image, as far as it has one."""
    if isinstance(image, str | os.PathLike):
        return os.fspath(image)
    return str(getattr(image, "filename", "") or type(image).__name__)
