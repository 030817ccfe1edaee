"""The data set where none is given."""

import tempfile

import pytest

import fashion_render
from fashion_edge.errors import UsageError
from fashion_train.cli import rendered_dataset


def test_photos_that_others_left_in_the_temporary_folder_are_not_trained_on(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(fashion_render, "render_dataset", lambda folder, *_: (folder / "red_dress").mkdir())
    folder = rendered_dataset(7)
    assert rendered_dataset(7) == folder
    (folder / "rendered.txt").unlink()
    with pytest.raises(UsageError, match="was not rendered by your fashion-train; delete it"):
        rendered_dataset(7)


def test_two_trainings_at_once_share_the_folder_of_the_one_that_is_done_first(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def render_while_another_does(folder, *_):
        monkeypatch.setattr(fashion_render, "render_dataset", lambda folder, *_: (folder / "red_dress").mkdir())
        rendered_dataset(7)

    monkeypatch.setattr(fashion_render, "render_dataset", render_while_another_does)
    assert (rendered_dataset(7) / "red_dress").is_dir()
    assert len(list(tmp_path.iterdir())) == 1
    assert "took that name" not in capsys.readouterr().err
