import subprocess
import sys

import pytest

from animus_plugin_runtime.entry_points import entry_points, parse_entry_points
from animus_plugin_runtime.package import find_data_packages, find_package, fingerprint_package


@pytest.fixture
def install(tmp_path):
    def make(distribution, lines, *, version="1.0.0", site="site", module=None):
        directory = tmp_path / site
        info = directory / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "entry_points.txt").write_text(lines)
        if module:
            (directory / module).mkdir()
            (directory / module / "__init__.py").write_text("raise SystemExit('imported')\n")
        return str(directory)

    return make


def test_entry_points_are_read_by_group_with_distribution_and_version(install):
    site = install(
        "animus-queue-default", "[console_scripts]\nx = y:z\n\n[animus.plugins]\nqueue-default = animus_queue\n"
    )
    [point] = entry_points("animus.plugins", [site])
    assert point[:4] == ("queue-default", "animus_queue", "animus-queue-default", "1.0.0")
    assert point.dist_info.name == "animus_queue_default-1.0.0.dist-info"
    assert entry_points("animus.packs", [site]) == []


def test_first_directory_of_the_search_path_wins_for_a_distribution(install):
    first = install("animus-a", "[g]\na = one\n", version="2.0.0", site="first")
    second = install("Animus_A", "[g]\na = two\n", version="1.0.0", site="second")
    assert [(point.value, point.version) for point in entry_points("g", [first, second])] == [("one", "2.0.0")]


def test_change_of_the_directory_is_noticed(install):
    site = install("animus-a", "[g]\na = one\n")
    assert len(entry_points("g", [site])) == 1
    install("animus-b", "[g]\nb = two\n")
    assert [point.name for point in entry_points("g", [site])] == ["a", "b"]


def test_missing_directories_and_zip_files_are_skipped(tmp_path):
    (tmp_path / "library.zip").touch()
    assert entry_points("g", [str(tmp_path / "none"), str(tmp_path / "library.zip")]) == []


def test_parser_skips_comments_extras_and_nonsense():
    text = "lost = before any group\n# c\n[g]\n; c\na = m:f [extra]\nnonsense\n[ h ]\nb=n\n"
    assert parse_entry_points(text) == {"g": {"a": "m:f"}, "h": {"b": "n"}}


def test_same_answer_as_the_standard_library():
    import importlib.metadata

    known = {
        (point.name, point.value.partition(" [")[0])
        for point in importlib.metadata.entry_points(group="console_scripts")
    }
    assert {(point.name, point.value) for point in entry_points("console_scripts")} == known


def test_data_package_is_found_without_importing_it(install):
    site = install("animus-pack-task", "[animus.packs]\nanimus.task = animus_pack_task\n", module="animus_pack_task")
    [package] = find_data_packages("animus.packs", [site])
    assert (package.name, package.package, package.version) == ("animus.task", "animus_pack_task", "1.0.0")
    assert package.directory.name == "animus_pack_task"


def test_data_package_whose_directory_is_gone_is_left_out(install):
    site = install("animus-pack-x", "[animus.packs]\nx = not_installed_anywhere\n")
    assert find_data_packages("animus.packs", [site]) == []


def test_find_package_knows_packages_modules_and_absence(install, tmp_path):
    site = install("animus-a", "[g]\n", module="some_package")
    (tmp_path / "site" / "single.py").touch()
    assert find_package("some_package.part", [site]).name == "some_package"
    assert find_package("single", [site]).name == "single.py"
    assert find_package("absent", [site]) is None
    assert find_package("animus_plugin_runtime").name == "animus_plugin_runtime"


def test_fingerprint_changes_with_any_python_file(install, tmp_path):
    install("animus-a", "[g]\n", module="some_package")
    package = tmp_path / "site" / "some_package"
    before = fingerprint_package(package)
    assert fingerprint_package(package) == before
    (package / "new.py").write_text("x = 1\n")
    assert fingerprint_package(package) != before


def test_scan_and_discovery_import_neither_asyncio_nor_metadata():
    program = (
        "import sys; import animus_plugin_runtime; from animus_plugin_runtime.entry_points import entry_points\n"
        "entry_points('animus.commands')\n"
        "heavy = {'asyncio', 'importlib.metadata', 'msgspec', 'subprocess'} & set(sys.modules)\n"
        "from animus_plugin_runtime import find_data_packages; find_data_packages('animus.packs')\n"
        "print(sorted(heavy), 'asyncio' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0]={sys.path!r}\n{program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[] False\n"


def test_every_exported_name_exists():
    import animus_plugin_runtime

    assert sorted(animus_plugin_runtime.__all__) == animus_plugin_runtime.__all__
    for name in animus_plugin_runtime.__all__:
        assert callable(getattr(animus_plugin_runtime, name))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = animus_plugin_runtime.no_such_name
