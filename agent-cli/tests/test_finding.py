import stat
from pathlib import Path

import pytest

from animus_agent_cli.finding import ProgramMissingError, find_program


def test_program_beside_the_work_is_found_and_must_be_executable(tmp_path):
    script = tmp_path / "agent"
    script.write_text("#!/bin/sh\necho hi\n")
    with pytest.raises(ProgramMissingError, match="not executable; chmod"):
        find_program("./agent", tmp_path, {})
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    assert Path(find_program("./agent", tmp_path, {})) == script
    assert find_program(str(script), Path("/"), {}) == str(script)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("no-such-agent", r"is not in PATH \(.*install it"),
        ("./agent", "does not exist"),
        (" ", "blank"),
    ],
)
def test_missing_program_is_named_with_where_it_was_looked_for(tmp_path, program, message):
    with pytest.raises(ProgramMissingError, match=message):
        find_program(program, tmp_path, {})
