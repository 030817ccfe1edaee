"""The demo scene: frames that move, and the truth about them."""

import numpy as np
import pytest

from fashion_edge import Classifier, SourceError
from fashion_edge.frame import PORTRAIT
from fashion_render.demo import ACT_SECONDS, COLOURS, FPS, GARMENTS, DemoScene, write_clip

PER_ACT = round(ACT_SECONDS * FPS)


@pytest.fixture
def scene():
    return DemoScene(seed=2, height=240, width=320)


def test_a_frame_is_a_new_picture_of_the_size_asked_for(scene):
    first, again = scene.frame(5), scene.frame(5)
    assert (first.shape, first.dtype) == ((240, 320, 3), np.uint8)
    assert np.array_equal(first, again)
    first[:] = 0
    assert np.array_equal(again, scene.frame(5)), "drawing on a frame changes no other one"


def test_the_garment_moves(scene):
    assert np.abs(scene.frame(0).astype(int) - scene.frame(10)).mean() > 1


def test_every_garment_comes_once_in_a_round_and_sometimes_there_is_none(scene):
    truths = [scene.truth(act * PER_ACT) for act in range(len(scene.acts))]
    shown = [truth for truth in truths if truth]
    assert sorted(shown) == sorted((colour, garment) for colour in COLOURS for garment in GARMENTS)
    assert truths.count(None) == 2
    assert scene.truth(len(scene.acts) * PER_ACT) == truths[0] == scene.truth(PER_ACT - 1) != truths[1]


def test_the_same_seed_gives_the_same_scene_and_another_seed_another():
    first, again, other = (DemoScene(seed=seed, height=96, width=128) for seed in (1, 1, 2))
    assert first.acts == again.acts != other.acts
    assert np.array_equal(first.frame(3), again.frame(3))


@pytest.mark.parametrize("seed", range(3))
def test_the_shipped_model_labels_every_act_from_the_guide_box_alone(seed):
    """The garment stays in the portrait box in the middle, which is what the model gets of a live source."""
    classifier = Classifier.load("shipped")
    scene = DemoScene(seed)
    spare = round((scene.width - PORTRAIT * scene.height) / 2)
    middles = range(PER_ACT // 2, PER_ACT * len(scene.acts), PER_ACT)
    results = classifier.classify_batch(scene.frame(index)[:, spare : scene.width - spare] for index in middles)
    assert [set(result.labels) for result in results] == [set(scene.truth(index) or ()) for index in middles]


def test_a_scene_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="48 x 48"):
        DemoScene(height=10, width=10)


@pytest.mark.parametrize("name", ["clip.avi", "clip.mp4"])
def test_a_clip_has_the_frames_and_the_rate_that_were_given(name, tmp_path):
    cv2 = pytest.importorskip("cv2")
    write_clip(tmp_path / name, 5, fps=10, height=96, width=128)
    video = cv2.VideoCapture(str(tmp_path / name))
    assert video.get(cv2.CAP_PROP_FPS) == 10
    shapes = []
    while (frame := video.read()[1]) is not None:
        shapes.append(frame.shape)
    assert shapes == [(96, 128, 3)] * 5


@pytest.mark.parametrize("name", ["clip.gif", "missing/clip.avi"])
def test_a_clip_that_cannot_be_written_is_an_error(name, tmp_path):
    with pytest.raises(SourceError, match="cannot write the clip"):
        write_clip(tmp_path / name, 1)
