"""A rendered data set on disk."""

import pytest

from fashion_edge.images import find_images, read_image
from fashion_render import COMBINATIONS, render_dataset


def test_the_six_combinations_of_the_tutorial_are_the_default(tmp_path):
    assert render_dataset(str(tmp_path), 2, seed=1) == 12
    assert {path.name for path in tmp_path.iterdir()} == {f"{colour}_{garment}" for colour, garment in COMBINATIONS}
    assert [path.name for path in sorted((tmp_path / "red_dress").iterdir())] == ["00001.jpg", "00002.jpg"]
    assert all(min(read_image(path).shape[:2]) >= 200 for path in find_images(tmp_path))


def test_a_photo_depends_on_the_seed_and_its_number_and_not_on_the_number_of_photos(tmp_path):
    for name, count, seed in (("few", 1, 4), ("more", 2, 4), ("other", 1, 5)):
        render_dataset(tmp_path / name, count, seed=seed, combinations=[("green", "shirt")])
    few, more, other = (tmp_path / name / "green_shirt" for name in ("few", "more", "other"))
    first = (few / "00001.jpg").read_bytes()
    assert first == (more / "00001.jpg").read_bytes()
    assert first != (more / "00002.jpg").read_bytes()
    assert first != (other / "00001.jpg").read_bytes()


def test_no_photo_at_all_is_refused(tmp_path):
    with pytest.raises(ValueError, match="1 or more"):
        render_dataset(tmp_path, 0, seed=1)
    with pytest.raises(ValueError, match="red"):
        render_dataset(tmp_path, 1, seed=1, combinations=[("rouge", "dress")])
