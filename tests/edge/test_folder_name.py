from fashion_edge.images import read_folder_name


def test_capitals_do_not_count_on_either_side() -> None:
    assert read_folder_name("red_DRESS", ("Dress", "Red")) == (("Red", "Dress"), ())
    assert read_folder_name("Red_Dress", ("dress", "red")) == (("red", "dress"), ())


def test_words_that_are_no_label_are_told_apart() -> None:
    assert read_folder_name("red__drss_", ("dress", "red")) == (("red",), ("drss",))
    assert read_folder_name("cars", ("dress", "red")) == ((), ("cars",))


def test_an_umlaut_is_one_however_the_file_system_writes_it() -> None:
    assert read_folder_name("gru\u0308n_kleid", ("gr\u00fcn", "kleid")) == (("gr\u00fcn", "kleid"), ())
    assert read_folder_name("gr\u00fcn_kleid", ("gru\u0308n", "kleid")) == (("gru\u0308n", "kleid"), ())


def test_a_label_may_hold_what_parts_the_words():
    assert read_folder_name("Red_T_Shirt", ("red", "t_shirt")) == (("red", "t_shirt"), ())
    assert read_folder_name("t_shirt", ("dress", "t_shirt")) == (("t_shirt",), ())
    assert read_folder_name("t_rex", ("dress", "t_shirt")) == ((), ("t", "rex"))
