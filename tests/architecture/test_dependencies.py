"""The dependency law of ARCHITECTURE.md, read from the source."""

import re
import sys
import tomllib


def test_package_imports_only_what_the_law_allows(package, packages, imports_of):
    first_party = {other.name for other in packages}
    allowed = package.may_import | package.third_party | {package.name}
    found = {
        (path.relative_to(package.folder).as_posix(), name)
        for path in package.modules()
        for name in imports_of(path)
        if name.split(".")[0] not in sys.stdlib_module_names and name.split(".")[0] not in allowed
    }
    assert not found, f"{package.name} may import {sorted(allowed & first_party)} and {sorted(package.third_party)}"


def test_package_declares_every_distribution_it_imports(package, packages, imports_of):
    project = tomllib.loads((package.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[^A-Za-z0-9_-]", line, maxsplit=1)[0].lower() for line in project["dependencies"]}
    distribution_of = {
        other.name: tomllib.loads((other.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
        for other in packages
    } | {"yaml": "pyyaml", "opentelemetry": "opentelemetry-sdk"}
    used = {name.split(".")[0] for path in package.modules() for name in imports_of(path)}
    third_party = {name for name in used if name not in sys.stdlib_module_names and name != package.name}
    # msgspec comes with the protocol package, whose types are msgspec structs; naming it twice would be noise.
    needed = {distribution_of.get(name, name) for name in third_party} - {"msgspec"}
    assert needed <= declared | ({"msgspec"} & declared)


def test_package_declares_nothing_it_does_not_use(package, packages, imports_of):
    if not package.modules() or package.name.startswith(("animus_pack_", "animus_flavor_")):
        return
    project = tomllib.loads((package.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[^A-Za-z0-9_-]", line, maxsplit=1)[0].lower() for line in project["dependencies"]}
    used = {name.split(".")[0] for path in package.modules() for name in imports_of(path)}
    import_of = {
        "pyyaml": "yaml",
        "animus-daemon": "animus_kernel",
        "opentelemetry-sdk": "opentelemetry",
        "opentelemetry-exporter-otlp-proto-http": "opentelemetry",
    }
    unused = {name for name in declared if import_of.get(name, name.replace("-", "_")) not in used}
    assert not unused


def test_wire_types_import_no_io(root, imports_of):
    wire = root / "protocol/src/animus_plugin_protocol/wire"
    allowed = {"msgspec", "typing", "enum", "datetime", "functools", "animus_plugin_protocol"}
    outside = {
        (path.name, name)
        for path in wire.rglob("*.py")
        for name in imports_of(path)
        if name.split(".")[0] not in allowed
        or (name.startswith("animus_plugin_protocol.") and not name.startswith("animus_plugin_protocol.wire"))
    }
    assert not outside


def test_kernel_sources_name_no_domain(root):
    """A new kind of subject must need no change in the kernel, so the kernel cannot know the ones there are."""
    word = re.compile(r"\b(task|tasks|requirement|requirements|review|reviews|claude|codex|gemini)\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for path in sorted((root / "kernel/src").rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if word.search(line)
    ]
    assert not found, "\n".join(found)
