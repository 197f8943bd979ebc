import subprocess
import sys

HEAVY = ("yaml", "asyncio", "difflib", "tomllib", "logging", "subprocess", "importlib.metadata")


def test_import_of_the_config_source_loads_no_parser():
    code = "import sys, animus_workflow_runner_default.authoring.config_source; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = result.stdout.split()
    assert [name for name in HEAVY if name in loaded] == []
    assert "animus_workflow_runner_default.authoring.loading" not in loaded
