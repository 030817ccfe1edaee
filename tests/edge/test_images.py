import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fashion_edge.errors import ImageError
from fashion_edge.images import find_images, read_folder_name, read_image

RED_BGR = [0, 0, 255]


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.gif", "a.bmp", "a.webp", "a.tiff", "a.ppm"])
def test_every_format_comes_out_as_bgr(tmp_path, name):
    path = save(
        tmp_path / name, Image.new("RGB", (5, 4), (255, 0, 0)), **({"lossless": True} if "webp" in name else {})
    )
    image = read_image(path)
    assert image.shape == (4, 5, 3)
    assert image.dtype == np.uint8
    assert image[0, 0].tolist() == RED_BGR


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("L", 77, [77, 77, 77]),
        ("LA", (77, 255), [77, 77, 77]),
        ("1", 1, [255, 255, 255]),
        ("RGBA", (255, 0, 0, 255), RED_BGR),
        ("RGBA", (255, 0, 0, 0), [255, 255, 255]),  # transparent: the paper shows, not the colour beneath
        ("I;16", 0x8000, [128, 128, 128]),
    ],
)
def test_every_mode_comes_out_as_three_channels(tmp_path, mode, value, expected):
    path = save(tmp_path / "a.png", Image.new(mode, (3, 2), value))
    assert read_image(path)[1, 2].tolist() == expected


def test_twelve_bit_images_are_scaled_by_twelve_bits(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff_of_twelve_bits(width=2, pixels=bytes([0x80, 0x0F, 0xFF])))  # 0x800, 0xFFF
    assert read_image(path)[0].tolist() == [[128] * 3, [255] * 3]


@pytest.mark.parametrize(("mode", "value"), [("F", 0.5), ("I", 70_000)])
def test_float_images_are_refused(tmp_path, mode, value):
    path = save(tmp_path / "depth.tif", Image.new(mode, (3, 2), value))
    with pytest.raises(ImageError, match=r"depth\.tif holds measured values, not shades; save it with 8 or 16 bits"):
        read_image(path)


def tiff_of_twelve_bits(width: int, pixels: bytes) -> bytes:
    """One row of grey; Pillow reads such files and writes none."""
    tags = {256: width, 257: 1, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: len(pixels)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    data = pixels + bytes(len(pixels) % 2)
    return struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + struct.pack("<H", len(tags)) + entries + bytes(4)


def test_transparency_of_a_palette_becomes_white(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    path = save(tmp_path / "a.png", image, transparency=1)
    assert read_image(path)[0].tolist() == [RED_BGR, [255, 255, 255]]


def test_cmyk_jpeg_is_converted(tmp_path):
    path = save(tmp_path / "a.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)))
    blue, green, red = read_image(path)[4, 4].tolist()
    assert red > 200
    assert max(blue, green) < 60


def test_exif_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: rotate by 90 degrees
    path = save(tmp_path / "a.jpg", Image.new("RGB", (40, 20)), exif=exif)
    assert read_image(path).shape == (40, 20, 3)


def png_that_declares(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


@pytest.mark.parametrize(("side", "said"), [(12_000, "12000 x 12000 pixels, above"), (100_000, "more pixels than")])
def test_a_too_large_size_is_refused_from_the_header(tmp_path, side, said):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_that_declares(side, side))
    with pytest.raises(ImageError, match=rf"bomb\.png declares {said} the limit of 64 megapixels"):
        read_image(path)


def test_a_truncated_photo_is_an_error(tmp_path, noise):
    path = save(tmp_path / "cut.jpg", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(ImageError, match=r"cut\.jpg cannot be decoded: .*truncated"):
        read_image(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"x\.jpg is empty"),
        (b"hello, I am text", r"x\.jpg is not a picture"),
        (b"\xff\xd8\xff", r"x\.jpg.*(cut|not a picture)"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "in a known format"),  # not handed to Ghostscript
        (None, r"x\.jpg does not exist"),
    ],
)
def test_other_files_are_refused_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "x.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=reason):
        read_image(path)


def test_find_images_is_recursive_sorted_and_skips_hidden_files_and_links_out(photo_folder, tmp_path):
    (photo_folder / "a" / "._1.jpg").write_bytes(b"macOS leaves these")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.jpg").write_bytes(b"")
    (photo_folder / "link").symlink_to(tmp_path / "outside")
    names = [path.relative_to(photo_folder).as_posix() for path in find_images(photo_folder)]
    assert names == ["a/1.png", "a/2.jpg", "b/1.jpeg"]


def test_a_folder_and_a_pipe_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for path, reason in ((tmp_path, "is a folder"), (tmp_path / "pipe.jpg", "is a pipe or a device, not a picture")):
        with pytest.raises(ImageError, match=reason):
            read_image(path)


@pytest.mark.parametrize(
    ("name", "labels", "found", "rest"),
    [
        ("red_DRESS", ("Dress", "Red"), ("Red", "Dress"), ()),
        ("Red_Dress", ("dress", "red"), ("red", "dress"), ()),
        ("red__drss_", ("dress", "red"), ("red",), ("drss",)),
        ("cars", ("dress", "red"), (), ("cars",)),
        ("gru\u0308n_kleid", ("gr\u00fcn", "kleid"), ("gr\u00fcn", "kleid"), ()),
        ("gr\u00fcn_kleid", ("gru\u0308n", "kleid"), ("gru\u0308n", "kleid"), ()),
        ("Red_T_Shirt", ("red", "t_shirt"), ("red", "t_shirt"), ()),
        ("t_shirt", ("dress", "t_shirt"), ("t_shirt",), ()),
        ("t_rex", ("dress", "t_shirt"), (), ("t", "rex")),
    ],
)
def test_the_name_of_a_folder_is_split_into_labels_and_other_words(name, labels, found, rest):
    assert read_folder_name(name, labels) == (found, rest)
