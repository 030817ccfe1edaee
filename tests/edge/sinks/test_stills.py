from fashion_edge.sinks.stills import StillsSink


def test_stills_keep_their_relative_path_and_overwrite_nothing(tmp_path, make_result):
    out, root = tmp_path / "out", tmp_path / "in"
    sink = StillsSink(out, still=True, root=root)
    for name in ("a/1.jpg", "a/1.png", "b/1.jpg", "a/1.jpg"):
        sink.put(make_result(source=str(root / name)))
    saved = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
    assert saved == ["a/1-2.jpg", "a/1.jpg", "a/1.png.jpg", "b/1.jpg"]


def test_a_long_name_is_shortened_for_its_number(tmp_path, make_result):
    out, long = tmp_path / "out", "kleid-" * 40 + "ü" * 5  # 250 bytes
    sink = StillsSink(out, still=True, root=tmp_path)
    for name in (f"{long}.png", f"{long}.png", f"{long[:-2]}.jpg"):
        sink.put(make_result(source=str(tmp_path / name)))
    assert [path.suffix for path in out.iterdir()] == [".jpg"] * 3
    assert all(path.name.startswith("kleid-" * 40) for path in out.iterdir())


def test_each_change_of_a_live_source_is_saved_once(tmp_path, make_result):
    sink = StillsSink(tmp_path, still=False)
    for index, text in enumerate(["red dress", "red dress", "? dress", "nothing I know", "red dress"]):
        sink.put(make_result(index, text))
    names = ("000000_red_dress", "000002_dress", "000003_nothing_I_know", "000004_red_dress")
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{name}.jpg" for name in names]


def test_a_name_of_forty_labels_is_shortened(tmp_path, make_result):
    sink = StillsSink(tmp_path, still=False)
    for text in (" ".join(f"pattern{i:02d}" for i in range(40)), "red dress"):
        sink.put(make_result(7, text))
    red, long = sorted(tmp_path.iterdir(), key=lambda path: len(path.name))
    assert red.name == "000007_red_dress.jpg"
    assert long.name.startswith("000007_pattern00_pattern01_")
