import errno
import os
import random
import subprocess
import sys
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest

from fashion_edge.atomic import atomic_file, atomic_folder, write_files
from fashion_edge.errors import OutputExistsError, UsageError


def write_run(target: Path, text: str = "new", *, overwrite: bool = False) -> list[Path]:
    """Write a folder as fashion-train does; returns the name that it got."""
    names = list[Path]()
    with atomic_folder(target, marker="run.json", overwrite=overwrite, named=names.append) as part:
        (part / "run.json").write_text(text)
    return names


def test_a_folder_gets_its_name_when_it_is_complete(tmp_path):
    target = tmp_path / "runs" / "one"
    with atomic_folder(target, marker="run.json") as part:
        (part / "a.txt").write_text("a")
        assert not target.exists()
    assert (target / "a.txt").read_text() == "a"
    assert list(target.parent.iterdir()) == [target]


def fail_in(output: AbstractContextManager[Path], error: BaseException) -> None:
    """Raise an error while a folder or a file is written."""
    with suppress(type(error)), output as part:
        (part / "a.txt" if part.is_dir() else part).write_text("half")
        raise error


def test_an_interrupted_folder_is_deleted(tmp_path):
    fail_in(atomic_folder(tmp_path / "one", marker="run.json"), KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "overwrite", "message"),
    [
        ("photo.jpg", False, "one exists already.*it has no run.json"),
        ("photo.jpg", True, "so --overwrite does not touch it, nor does overwrite=True"),
        ("run.json", False, r"name another, or allow overwriting \(--overwrite, overwrite=True\)"),
    ],
)
def test_an_existing_folder_is_refused(tmp_path, content, message, overwrite):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / content).touch()
    with pytest.raises(OutputExistsError, match=message):
        write_run(tmp_path / "one", overwrite=overwrite)
    assert (tmp_path / "one" / content).exists()


@pytest.mark.parametrize("content", ["run.json", None])
def test_a_folder_of_the_same_kind_and_an_empty_folder_are_replaced(tmp_path, content):
    target = tmp_path / "one"
    target.mkdir()
    if content:
        (target / content).write_text("old")
    write_run(target, overwrite=content is not None)
    assert (target / "run.json").read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_folder_whose_name_is_taken_meanwhile_gets_a_number(tmp_path, capsys, kind, overwrite):
    target, names = tmp_path / "v1.0", list[Path]()
    precious = target / "notes.txt" if kind == "folder" else target
    with atomic_folder(target, marker="run.json", overwrite=overwrite, named=names.append) as part:
        (part / "run.json").touch()
        precious.parent.mkdir(exist_ok=True)
        precious.write_text("precious")
    assert precious.read_text() == "precious"
    assert names == [tmp_path / "v1.0-2"]
    assert (names[0] / "run.json").exists()
    said = capsys.readouterr().err
    assert f"{target}: another program took that name meanwhile; the output is {names[0]}" in said
    assert set(tmp_path.iterdir()) == {target, names[0]}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/", "is a mount point.*name a folder in it, such as /new"),
        (".", "is the working directory"),
        ("file/run", "cannot write to .*file"),
    ],
)
def test_an_impossible_folder_is_refused_before_the_work_begins(tmp_path, monkeypatch, target, said):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(UsageError, match=said):
        write_run(Path(target))


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("code", [errno.EBUSY, errno.EXDEV])
def test_the_output_is_kept_where_the_old_folder_cannot_be_renamed(tmp_path, monkeypatch, code, overwrite):
    target, rename = tmp_path / "volume", Path.rename

    def refuse(path, to):  # as for a bind mount, or a layer of a container image
        if target.exists() and target in (path, to):
            raise OSError(code, os.strerror(code))
        return rename(path, to)

    monkeypatch.setattr(Path, "rename", refuse)
    monkeypatch.setattr(Path, "rmdir", lambda _: None)
    target.mkdir()
    if overwrite:
        (target / "run.json").write_text("old")
    assert write_run(target, overwrite=overwrite) == [tmp_path / "volume-2"]
    assert (tmp_path / "volume-2" / "run.json").read_text() == "new"


def test_two_folders_written_at_the_same_time_both_get_a_name(tmp_path):
    with atomic_folder(tmp_path / "run", marker="run.json") as one:
        (one / "run.json").write_text("one")
        write_run(tmp_path / "run", "other")
    texts = {path.name: (path / "run.json").read_text() for path in tmp_path.iterdir()}
    assert texts == {"run": "other", "run-2": "one"}


def test_a_file_whose_name_is_taken_meanwhile_gets_a_number(tmp_path, capsys):
    with atomic_file(tmp_path / "out.json") as part:
        part.write_text("ours")
        (tmp_path / "out.json").write_text("theirs")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out.json": "theirs", "out-2.json": "ours"}
    assert "out.json: another program took that name meanwhile" in capsys.readouterr().err


def test_a_failed_overwrite_keeps_the_old_file(tmp_path):
    target = tmp_path / "out.json"
    target.write_text("old")
    fail_in(atomic_file(target, overwrite=True), OSError(28, "No space left on device"))
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_symbolic_link_is_followed_and_kept(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    for text in ("one", "two"):
        write_run(tmp_path / "link", text, overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "run.json").read_text() == "two"
    assert {path.name for path in tmp_path.iterdir()} == {"disk", "link"}


def test_a_pipe_is_written_directly(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with atomic_file(pipe, overwrite=True) as part:
        part.write_text("for the reader")
    assert os.read(reader, 100) == b"for the reader"
    os.close(reader)
    assert list(tmp_path.iterdir()) == [pipe]


def test_the_old_folder_is_restored_if_the_new_one_cannot_be_renamed(tmp_path, monkeypatch):
    rename = Path.rename

    def fail(path, target):
        if ".part-" in path.name:
            raise OSError(5, "Input/output error")
        return rename(path, target)

    target = tmp_path / "run"
    write_run(target, "old")
    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write_run(target, overwrite=True)
    assert (target / "run.json").read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.fixture
def synced(monkeypatch):
    """Names that were on the disk, in order."""
    names, sync = list[str](), os.fsync

    def note(descriptor: int) -> None:
        names.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return names


def test_a_file_is_on_the_disk_before_it_gets_its_name(tmp_path, synced):
    with atomic_file(tmp_path / "out.json") as part:
        part.write_text("{}")
    assert synced == [part.name, tmp_path.name]


def test_a_folder_is_on_the_disk_before_it_gets_its_name(tmp_path, synced):
    write_run(tmp_path / "run")
    assert synced[0] == "run.json"
    assert synced[1].startswith(".run.part-")
    assert synced[2] == tmp_path.name


def make_leftover(folder: Path, name: str) -> Path:
    path = folder / name
    if path.suffix in (".json", ".npz"):
        path.write_text("half")
    else:
        path.mkdir()
        (path / "run.json").write_text("old")
    return path


@pytest.mark.parametrize("name", [".out.part-0a1b2c3d.json", ".other.part-0a1b2c3d.json", ".out.part-4711.json"])
def test_the_next_file_removes_what_a_killed_run_left(tmp_path, capsys, name):
    left = make_leftover(tmp_path, name)
    others = [make_leftover(tmp_path, other) for other in (".out.part-0a1b2c3d.npz", ".run.part-0a1b2c3d", ".b-1.json")]
    with atomic_file(tmp_path / "out.json") as part:
        part.write_text("{}")
    assert set(tmp_path.iterdir()) == {tmp_path / "out.json", *others}
    assert f"removed {left}, which a run that was killed left unfinished" in capsys.readouterr().err


def test_the_next_folder_removes_what_a_killed_run_left(tmp_path, capsys):
    make_leftover(tmp_path, "one")
    for name in (".one.part-0a1b2c3d", ".one.old-0a1b2c3d", ".v1.2.part-0a1b2c3d"):
        make_leftover(tmp_path, name)
    write_run(tmp_path / "two")
    assert set(tmp_path.iterdir()) == {tmp_path / "one", tmp_path / "two"}
    assert capsys.readouterr().err.count("which a run that was killed left unfinished") == 3


def test_a_folder_that_was_about_to_be_replaced_is_restored(tmp_path, capsys):
    make_leftover(tmp_path, ".one.old-0a1b2c3d")
    write_run(tmp_path / "two")
    assert (tmp_path / "one" / "run.json").read_text() == "old"
    assert f"restored {tmp_path / 'one'}, which" in capsys.readouterr().err


def test_what_another_process_is_writing_is_left_alone(tmp_path):
    with atomic_file(tmp_path / "one.json") as file, atomic_folder(tmp_path / "run", marker="run.json") as folder:
        file.write_text("one")
        write_run(tmp_path / "other")
        with atomic_file(tmp_path / "two.json") as part:
            part.write_text("two")
        (folder / "run.json").touch()
    assert {path.name for path in tmp_path.iterdir()} == {"one.json", "two.json", "run", "other"}


def test_files_of_a_set_are_written_all_or_none(tmp_path):
    write_files({tmp_path / "a.json": b"{}", tmp_path / "a.jpg": b"jpeg"})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.json": b"{}", "a.jpg": b"jpeg"}
    with pytest.raises(OSError, match="No such file"):
        write_files({tmp_path / "b.json": b"{}", tmp_path / "none" / "b.jpg": b"jpeg"})
    assert len(list(tmp_path.iterdir())) == 2


REPLACE_FOR_EVER = """
import sys
from pathlib import Path
from fashion_edge.atomic import atomic_file, atomic_folder
folder = Path(sys.argv[1])
while True:
    with atomic_folder(folder / "run", marker="run.json", overwrite=True) as part:
        (part / "run.json").write_text("whole")
    with atomic_file(folder / "out.json", overwrite=True) as part:
        part.write_text("whole")
    print(flush=True)
"""


def test_a_program_that_is_killed_at_any_moment_leaves_whole_outputs(tmp_path):
    for kill in range(6):
        child = subprocess.Popen([sys.executable, "-c", REPLACE_FOR_EVER, tmp_path], stdout=subprocess.PIPE)
        with child:
            child.stdout.readline()
            time.sleep(random.Random(kill).uniform(0, 0.02))
            child.kill()
        write_run(tmp_path / "next", overwrite=True)
        with atomic_file(tmp_path / "next.json", overwrite=True) as part:
            part.touch()
        assert {path.name for path in tmp_path.iterdir()} == {"run", "out.json", "next", "next.json"}
        assert (tmp_path / "run" / "run.json").read_text() == (tmp_path / "out.json").read_text() == "whole"
