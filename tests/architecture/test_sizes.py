"""A file holds one concept and a function fits a screen. Exceptions are listed by name, each with its reason."""

import ast
import sys
import tomllib
from pathlib import Path

LIMITS = tomllib.loads((Path(__file__).parent / "sizes.toml").read_text(encoding="utf-8"))


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_files_stay_below_the_ceiling(packages, root):
    listed = LIMITS["files"]
    sizes = {path.relative_to(root).as_posix(): _lines(path) for package in packages for path in package.modules()}
    too_long = {name: size for name, size in sizes.items() if size > LIMITS["file_lines"] and name not in listed}
    assert not too_long


def test_functions_stay_below_the_ceiling(packages, root):
    listed = LIMITS["functions"]
    too_long = {}
    for package in packages:
        for path in package.modules():
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                    name = f"{path.relative_to(root).as_posix()}:{node.name}"
                    size = node.end_lineno - node.lineno + 1
                    if size > LIMITS["function_lines"] and name not in listed:
                        too_long[name] = size
    assert not too_long


def test_listed_exceptions_are_still_needed(packages, root):
    sizes = {path.relative_to(root).as_posix(): _lines(path) for package in packages for path in package.modules()}
    stale = [name for name in LIMITS["files"] if sizes.get(name, 0) <= LIMITS["file_lines"]]
    assert not stale


def _code_lines(path: Path) -> int:
    """Lines with code on them: a budget that counted docstrings would be met by deleting them."""
    source = path.read_text(encoding="utf-8")
    prose: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            prose.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(1 for number, line in lines if line.strip() and line.lstrip()[0] != "#" and number not in prose)


def test_kernel_stays_small(packages):
    kernel = next(package for package in packages if package.name == "animus_kernel")
    code = sum(_code_lines(path) for path in kernel.modules())
    # the trend is read in the log of a run with -s
    sys.stdout.write(f"kernel: {code} lines of code, {sum(map(_lines, kernel.modules()))} with prose\n")
    assert code <= LIMITS["kernel_code_lines"]
