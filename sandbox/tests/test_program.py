import os
from pathlib import Path

from animus_sandbox import program_mounts
from animus_sandbox.program import interpreter


def _file(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_program_of_the_system_needs_nothing():
    assert program_mounts(Path("/bin/sh")) == ()


def test_program_needs_the_folder_it_really_is_in(tmp_path):
    real = _file(tmp_path / "real" / "agent")
    (tmp_path / "link").symlink_to(real)
    assert program_mounts(tmp_path / "link") == (tmp_path / "real",)


def test_package_of_npm_needs_its_neighbours_and_its_interpreter(tmp_path):
    script = _file(tmp_path / "node_modules" / "@x" / "agent" / "bin" / "agent.js", "#!/usr/bin/env node\n")
    node = _file(tmp_path / "node-20" / "bin" / "node")
    (tmp_path / "node-20" / "lib").mkdir()
    assert program_mounts(script, path=str(node.parent)) == (tmp_path / "node_modules", tmp_path / "node-20")
    assert program_mounts(script, path=os.devnull) == (tmp_path / "node_modules",)


def test_interpreter_that_is_named_by_its_path_is_opened(tmp_path):
    python = _file(tmp_path / "python" / "bin" / "python3")
    script = _file(tmp_path / "agent" / "run", f"#!{python} -I\n")
    assert program_mounts(script) == (tmp_path / "agent", tmp_path / "python" / "bin")


def test_interpreter_inside_is_a_real_python():
    program, folders = interpreter()
    assert program.is_file()
    assert program.is_relative_to("/usr") or any(program.is_relative_to(folder) for folder in folders)
