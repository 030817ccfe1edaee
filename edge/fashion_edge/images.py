"""Photos: finding and decoding image files, and labels in folder names."""

import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import ImageError, brief
from fashion_edge.labels import normalize_label

if TYPE_CHECKING:
    from PIL import Image as PILImage


SUFFIXES = frozenset({".jpg", ".jpeg", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"})
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM")  # decoders for untrusted files
NOTES = frozenset({".json", ".txt", ".csv", ".xml", ".md", ".yaml", ".yml", ".ini", ".db", ".html"})  # next to photos
MAX_PIXELS = 64_000_000  # declared width x height; 192 MB once decoded
MEGAPIXELS = f"{MAX_PIXELS / 1e6:g} megapixels"
MAX_BYTES = 256 << 20
BITS_PER_SAMPLE = 258  # a tag of TIFF
PAPER = (255, 255, 255)  # behind transparent pixels: shops cut garments out on white


def is_image_name(path: Path) -> bool:
    """Return whether the suffix is one of `SUFFIXES`; hidden files (`.`, macOS `._`) are not images."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def is_picture(path: Path) -> bool:
    """Return whether the content is a photo, whatever the name: FFmpeg would read it as a video."""
    from PIL import Image

    if not path.is_file():
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nothing is decoded here
            Image.open(path, formats=FORMATS).close()
    except Exception:  # readers of Pillow raise OSError, ValueError, SyntaxError, struct.error and more
        return False
    return True


def find_images(folder: Path, *, locked: bool = False) -> Iterator[Path]:
    """Find image files below a folder, recursive, in sorted order; links to files count, links to folders do not.

    Args:
        folder: the folder.
        locked: yield folders that this user may not read themselves, for which `read_image` gives the reason.

    Raises:
        PermissionError: this user may not read a folder, and `locked` is false.
    """
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith("."):
            yield from [entry] if locked and _is_locked(entry) else find_images(entry, locked=locked)
        elif is_image_name(entry):
            yield entry


def find_ignored(folder: Path) -> Iterator[Path]:
    """Find what `find_images` skips but a user may expect: files in other formats, links to folders."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or is_image_name(entry) or entry.suffix.lower() in NOTES:
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from () if _is_locked(entry) else find_ignored(entry)
        else:
            yield entry


def _is_locked(folder: Path) -> bool:
    return not os.access(folder, os.R_OK | os.X_OK)


def read_image(path: Path) -> NDArray[np.uint8]:
    """Decode a photo to (h, w, 3) uint8 in B, G, R order.

    The header is read first: a file that declares more than `MAX_PIXELS` is refused before anything is decoded.
    EXIF rotation is applied, transparency becomes white, and an animation gives its first picture.

    Raises:
        ImageError: missing, locked, empty, cut short, not an image, or too large; the message names the file and why.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        _check_size(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit is below
            with Image.open(path, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise ImageError(f"{path} declares {width} x {height} pixels, above the limit of {MEGAPIXELS}")
                return _to_bgr(image, _depth(image, path))
    except FileNotFoundError:
        raise ImageError(f"{path} does not exist") from None
    except PermissionError:
        raise ImageError(f"{path} cannot be read by this user; change its permissions") from None
    except IsADirectoryError:
        raise ImageError(f"{path} is a folder, not a picture") from None
    except Image.DecompressionBombError as error:
        raise ImageError(f"{path} declares more pixels than the limit of {MEGAPIXELS}") from error
    except UnidentifiedImageError as error:
        raise ImageError(f"{path} is not a picture in a known format ({', '.join(FORMATS)})") from error
    except ImageError:
        raise
    except Exception as error:  # decoders of Pillow raise OSError, ValueError, SyntaxError, struct.error and more
        raise ImageError(f"{path} cannot be decoded: {brief(error)}") from error


def _check_size(path: Path) -> None:
    if path.is_fifo() or path.is_char_device():
        raise ImageError(f"{path} is a pipe or a device, not a picture")
    size = path.stat().st_size
    if size == 0:
        raise ImageError(f"{path} is empty (0 bytes), not a picture")
    if size > MAX_BYTES:
        raise ImageError(f"{path} is {size >> 20} MB, above the limit of {MAX_BYTES >> 20} MB for a still")


def pil_to_bgr(image: "PILImage.Image") -> NDArray[np.uint8]:
    """Convert a PIL image to (h, w, 3) uint8 in B, G, R order, as `read_image` does; the image is not changed.

    Raises:
        ImageError: it cannot be decoded, or holds measured values instead of shades.
    """
    from PIL import ImageOps

    name = getattr(image, "filename", "") or "the image"
    try:
        return _to_bgr(ImageOps.exif_transpose(image), _depth(image, name))  # a copy, also where it is upright
    except ImageError:
        raise
    except Exception as error:  # as for read_image
        raise ImageError(f"{name} cannot be decoded: {brief(error)}") from error


def _depth(image: "PILImage.Image", path: Path | str) -> int:
    """Bits of a grey pixel that are used; without them a picture would become black or white."""
    sizes = getattr(image, "tag_v2", {}).get(BITS_PER_SAMPLE)
    depth = int(sizes[0]) if sizes and image.mode.startswith("I") else 16
    if image.mode == "F" or depth > 16:
        raise ImageError(f"{path} holds measured values, not shades; save it with 8 or 16 bits a pixel")
    return depth


def _to_bgr(image: "PILImage.Image", depth: int) -> NDArray[np.uint8]:
    """Decode and bring any mode to (h, w, 3) B, G, R."""
    from PIL import Image, ImageOps

    ImageOps.exif_transpose(image, in_place=True)  # a copy of 50 megapixels is 150 MB
    upright: PILImage.Image = image
    if upright.mode.startswith("I"):  # up to 16 bits a pixel: keep the high ones, convert() would clip to white
        grey = (np.asarray(upright).astype(np.int64) >> (depth - 8)).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        paper = Image.new("RGBA", upright.size, (*PAPER, 255))
        upright = Image.alpha_composite(paper, upright)
    rgb = np.asarray(upright if upright.mode == "RGB" else upright.convert("RGB"))
    return np.ascontiguousarray(rgb[:, :, ::-1])


def read_folder_name(name: str, labels: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the labels in a folder name, as the model spells them, and the other words; case is ignored.

    A label may contain `_` itself: with the labels t_shirt and red, `red_t_shirt` gives both, and no other word.
    """
    spelling = {normalize_label(label): label for label in labels}
    words = [word for word in name.split("_") if word]
    known, unknown = [], []
    while words:
        most = next((n for n in range(len(words), 0, -1) if normalize_label("_".join(words[:n])) in spelling), 0)
        if most:
            known.append(spelling[normalize_label("_".join(words[:most]))])
        else:
            unknown.append(words[0])
        words = words[most or 1 :]
    return tuple(known), tuple(unknown)
