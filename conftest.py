"""What every test in the workspace shares: its tier, hypothesis profiles, and distance from the real home."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("quick", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("thorough", max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))

_TIERS = ("unit", "ci", "soak")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test without a tier is a unit test."""
    for item in items:
        if not any(item.get_closest_marker(tier) for tier in _TIERS):
            item.add_marker(pytest.mark.unit)


@pytest.fixture(autouse=True)
def _far_from_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the real home, the user's git settings or a surrounding daemon's variables."""
    home: Path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ANIMUS_CONFIG_DIR", str(home / "a"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    kept = {"ANIMUS_CONFIG_DIR", "ANIMUS_CORPUS", "ANIMUS_TEST_CLAUDE", "ANIMUS_TEST_CODEX"}
    for name in [name for name in os.environ if name.startswith("ANIMUS_") and name not in kept]:
        monkeypatch.delenv(name)
