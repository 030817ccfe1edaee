import errno
import os
from pathlib import Path

import pytest

from fashion_edge.atomic import atomic_file, atomic_folder
from fashion_edge.errors import OutputExistsError, UsageError


def test_a_folder_has_its_name_only_once_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "runs" / "one"
    with atomic_folder(target, marker="run.json") as part:
        (part / "a.txt").write_text("a")
        assert not target.exists()
    assert (target / "a.txt").read_text() == "a"
    assert list(target.parent.iterdir()) == [target]


def test_an_interrupted_folder_leaves_nothing(tmp_path: Path) -> None:
    def fill() -> None:
        with atomic_folder(tmp_path / "one", marker="run.json") as part:
            (part / "a.txt").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_kept_unless_overwriting_was_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "one"
    target.mkdir()
    (target / "precious").touch()
    with (
        pytest.raises(OutputExistsError, match="one exists already.*it has no run.json"),
        atomic_folder(target, marker="run.json"),
    ):
        pass
    with (
        pytest.raises(OutputExistsError, match="--overwrite does not touch it"),
        atomic_folder(target, marker="run.json", overwrite=True),
    ):
        pass
    assert (target / "precious").exists()
    (target / "run.json").touch()
    with (
        pytest.raises(OutputExistsError, match="name another or add --overwrite"),
        atomic_folder(target, marker="run.json"),
    ):
        pass
    with atomic_folder(target, marker="run.json", overwrite=True) as part:
        (part / "new").touch()
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_folder_that_took_the_name_meanwhile_is_kept_and_the_new_one_gets_a_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, *, overwrite: bool
) -> None:
    target, names = tmp_path / "v1.0", list[Path]()
    precious = target / "notes.txt" if kind == "folder" else target
    with atomic_folder(target, marker="run.json", overwrite=overwrite, named=names.append) as part:
        (part / "run.json").touch()
        precious.parent.mkdir(exist_ok=True)
        precious.write_text("precious")
    assert precious.read_text() == "precious"
    assert names == [tmp_path / "v1.0-2"]
    assert (names[0] / "run.json").exists()
    assert f"{target}: something else took that name meanwhile; what was to have it is {names[0]}" in (
        capsys.readouterr().err
    )
    assert set(tmp_path.iterdir()) == {target, names[0]}


def test_where_a_volume_is_mounted_is_told_before_the_work_begins() -> None:
    with (
        pytest.raises(UsageError, match="is where a disk or volume is mounted.*name a folder in it, such as /new"),
        atomic_folder(Path("/"), marker="run.json"),
    ):
        pass


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("why", [errno.EBUSY, errno.EXDEV])
def test_hours_of_work_are_kept_where_their_folder_cannot_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: int, *, overwrite: bool
) -> None:
    target, names, rename = tmp_path / "volume", list[Path](), Path.rename

    def refuse(path: Path, to: Path) -> Path:  # as of a mount that looks like a plain folder, or in a container
        if target.exists() and target in (path, to):
            raise OSError(why, os.strerror(why))
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", refuse)
    monkeypatch.setattr(Path, "rmdir", lambda _: None)
    target.mkdir()
    if overwrite:
        (target / "run.json").write_text("old")
    with atomic_folder(target, marker="run.json", overwrite=overwrite, named=names.append) as part:
        (part / "run.json").write_text("new")
    assert names == [tmp_path / "volume-2"]
    assert (names[0] / "run.json").read_text() == "new"


def test_two_that_write_one_folder_at_the_same_time_both_get_a_name(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "run", marker="run.json") as one:
        (one / "run.json").write_text("one")
        with atomic_folder(tmp_path / "run", marker="run.json") as other:
            (other / "run.json").write_text("other")
    assert {path.name: (path / "run.json").read_text() for path in tmp_path.iterdir()} == {
        "run": "other",
        "run-2": "one",
    }


def test_an_empty_folder_may_be_named_and_is_filled(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with atomic_folder(tmp_path / "run", marker="run.json") as part:
        (part / "run.json").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (tmp_path / "run" / "run.json").exists()


def test_a_file_that_took_the_name_meanwhile_is_kept_and_the_new_one_gets_a_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with atomic_file(tmp_path / "out.json") as part:
        part.write_text("ours")
        (tmp_path / "out.json").write_text("theirs")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out.json": "theirs", "out-2.json": "ours"}
    assert "out.json: something else took that name meanwhile" in capsys.readouterr().err


def test_a_failed_overwrite_keeps_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    target.write_text("old")

    def fill() -> None:
        with atomic_file(target, overwrite=True) as part:
            part.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fill()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_parent_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UsageError, match="cannot write to .*file"),
        atomic_folder(tmp_path / "file" / "run", marker="run.json"),
    ):
        pass


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    for text in ("one", "two"):
        with atomic_folder(tmp_path / "link", marker="run.json", overwrite=True) as part:
            (part / "run.json").write_text(text)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "run.json").read_text() == "two"
    assert {path.name for path in tmp_path.iterdir()} == {"disk", "link"}


def test_the_folder_one_is_in_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="is the folder that you are in"), atomic_folder(Path(), marker="run.json"):
        pass


def test_a_pipe_is_written_itself_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with atomic_file(pipe, overwrite=True) as part:
        part.write_text("for the reader")
    assert os.read(reader, 100) == b"for the reader"
    os.close(reader)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_where_the_new_folder_cannot_take_the_name_the_old_one_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fails(path: Path, target: Path) -> Path:
        if ".part-" in path.name:
            raise OSError(5, "Input/output error")
        return rename(path, target)

    target = tmp_path / "run"
    target.mkdir()
    (target / "run.json").write_text("old")
    monkeypatch.setattr(Path, "rename", fails)
    with (
        pytest.raises(OSError, match="Input/output error"),
        atomic_folder(target, marker="run.json", overwrite=True),
    ):
        pass
    assert (target / "run.json").read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
