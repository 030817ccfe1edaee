"""What the pictures of a report show."""

from fashion_train.plots import confused


def test_a_small_table_of_confusions_shows_all():
    rows, columns = confused(["red dress", "blue dress", ""], ["red dress", "red dress", "red shirt"])
    assert rows == ["red dress", "red shirt"]
    assert columns == ["red dress", "red shirt", "", "blue dress"]


def test_a_large_table_of_confusions_shows_the_most_confused():
    truth = [f"c{number:03d}" for number in range(300) for _ in range(3)]
    said = [name if name != "c123" else "c007" for name in truth]
    rows, columns = confused(said, truth, most=5)
    assert "c123" in rows
    assert len(rows) == 5
    assert "c007" in columns
    assert len(columns) <= 10
