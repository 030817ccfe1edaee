"""A rendered data set on disk."""

import pytest

from fashion_edge.images import find_images, read_image
from fashion_render import COMBINATIONS, render_dataset


def test_the_six_combinations_of_the_tutorial_are_the_default(tmp_path):
    assert render_dataset(str(tmp_path), 2, seed=1) == 12

    assert {path.name for path in tmp_path.iterdir()} == {f"{colour}_{garment}" for colour, garment in COMBINATIONS}
    assert [path.name for path in sorted((tmp_path / "red_dress").iterdir())] == ["00001.jpg", "00002.jpg"]
    assert all(min(read_image(path).shape[:2]) >= 200 for path in find_images(tmp_path))


def test_the_first_photos_do_not_depend_on_their_number(tmp_path):
    render_dataset(tmp_path / "few", 1, seed=4, combinations=[("green", "shirt")])
    render_dataset(tmp_path / "more", 2, seed=4, combinations=[("green", "shirt")])

    few, more = (tmp_path / name / "green_shirt" for name in ("few", "more"))
    assert (few / "00001.jpg").read_bytes() == (more / "00001.jpg").read_bytes()
    assert (more / "00001.jpg").read_bytes() != (more / "00002.jpg").read_bytes()


def test_another_seed_gives_other_photos(tmp_path):
    for seed in (1, 2):
        render_dataset(tmp_path / str(seed), 1, seed=seed, combinations=[("red", "dress")])

    first, second = (tmp_path / str(seed) / "red_dress" / "00001.jpg" for seed in (1, 2))
    assert first.read_bytes() != second.read_bytes()


def test_no_photo_at_all_is_refused(tmp_path):
    with pytest.raises(ValueError, match="1 or more"):
        render_dataset(tmp_path, 0, seed=1)
    with pytest.raises(ValueError, match="red"):
        render_dataset(tmp_path, 1, seed=1, combinations=[("rouge", "dress")])
