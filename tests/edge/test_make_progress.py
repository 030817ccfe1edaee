"""What a library function shows of its progress."""

from fashion_edge.progress import make_progress


def test_a_library_function_is_silent_unless_progress_is_asked_for(capsys):
    with make_progress(False) as progress:
        progress.update("reading", 1, 2)
        progress.line("done")
    assert capsys.readouterr() == ("", "")
    with make_progress(True) as progress:
        progress.line("done")
    assert capsys.readouterr().err == "done\n"


def test_a_function_is_called_with_each_line():
    lines = []
    with make_progress(lines.append) as progress, progress.step("export", quiet=False):
        progress.update("reading", 1, 2)
    assert [line.split(":")[0] for line in lines] == ["export ...", "export"]
