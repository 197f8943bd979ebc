from animus_process import MARK_VARIABLE, child_environment, new_mark


def test_child_environment_holds_only_the_allow_list():
    parent = {"PATH": "/bin", "HOME": "/h", "AWS_SECRET": "x", "PYTHONPATH": "/evil", "ANIMUS_CONFIG_DIR": "/c"}
    assert child_environment(environ=parent) == {"PATH": "/bin", "HOME": "/h", "ANIMUS_CONFIG_DIR": "/c"}


def test_child_environment_forwards_what_the_user_lists():
    parent = {"ANIMUS_FORWARD_ENV": "A, B C", "A": "1", "B": "2", "D": "4"}
    assert child_environment(environ=parent) == {"ANIMUS_FORWARD_ENV": "A, B C", "A": "1", "B": "2"}


def test_child_environment_keeps_declared_names_and_sets_extra():
    parent = {"TOKEN": "t", "LANG": "C"}
    assert child_environment({"LANG": "de"}, keep=["TOKEN", "ABSENT"], environ=parent) == {"TOKEN": "t", "LANG": "de"}


def test_child_environment_never_inherits_a_mark():
    parent = {MARK_VARIABLE: "mine", "ANIMUS_FORWARD_ENV": MARK_VARIABLE}
    assert MARK_VARIABLE not in child_environment(keep=[MARK_VARIABLE], environ=parent)
    assert child_environment({MARK_VARIABLE: "new"}, environ=parent)[MARK_VARIABLE] == "new"


def test_marks_differ():
    assert new_mark() != new_mark()
