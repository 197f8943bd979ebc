from animus_agent_cli.loose import as_dict, as_list, as_number, as_text


def test_value_of_another_shape_is_nothing():
    assert (as_dict([1]), as_list({"a": 1}), as_text(7), as_text(""), as_number("7"), as_number(True)) == (
        {},
        [],
        None,
        None,
        0.0,
        0.0,
    )


def test_value_of_the_shape_is_itself():
    assert (as_dict({"a": 1}), as_list([1]), as_text("x"), as_number(2)) == ({"a": 1}, [1], "x", 2.0)
