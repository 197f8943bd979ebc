"""The trigger over the protocol, without a process: what is said to the host and what is remembered."""

import types

import pytest

from animus_plugin_protocol import RefusedError
from animus_plugin_protocol.wire.trigger import TriggerAckParams, TriggerWatchParams
from animus_trigger_file.adapter import AGAIN_SECONDS, FileTrigger


class Host:
    """Stands for the plugin's connection; `start` is a new process over the same state."""

    def __init__(self, tmp_path, monkeypatch):
        self.root, self.events = tmp_path / "project", []
        self.root.mkdir()
        binding = types.SimpleNamespace(project_root=str(self.root), state_dir=str(tmp_path / "state"))
        self.extensions = types.SimpleNamespace(project_binding=binding)
        monkeypatch.setattr(FileTrigger, "_poll", lambda _: None)
        self.start()

    def notify(self, method, params):
        assert method == "trigger/event"
        self.events.append(params)

    def start(self, **config):
        self.trigger = FileTrigger(self)
        self.watch(**config)

    def watch(self, **config):
        rows = [{"id": "docs", "type": "file_watcher", "config": {"paths": ["*.md"], "debounce_secs": 0} | config}]
        assert self.trigger.watch(TriggerWatchParams(config={"triggers": rows})) == {"watching": True}

    def take(self, status="queued"):
        return self.trigger.ack(TriggerAckParams(event_id=self.events[-1]["event_id"], status=status)).acked


@pytest.fixture
def host(tmp_path, monkeypatch):
    return Host(tmp_path, monkeypatch)


def test_change_becomes_an_event_with_its_paths(host):
    host.trigger.look(0)
    (host.root / "a.md").write_text("x")
    (host.root / "a.txt").write_text("x")
    host.trigger.look(1)
    [event] = host.events
    assert event["trigger_id"] == "docs"
    assert event["payload"] == {"created": ["a.md"], "modified": [], "deleted": [], "total": 1}


def test_event_that_nobody_takes_is_told_again_under_its_id(host):
    host.trigger.look(0)
    (host.root / "a.md").write_text("x")
    host.trigger.look(1)
    host.trigger.look(2)
    assert len(host.events) == 1
    host.trigger.look(1 + AGAIN_SECONDS)
    assert host.events[0] == host.events[1]
    assert host.take()
    host.trigger.look(100)
    assert len(host.events) == 2


def test_change_while_nobody_watched_is_reported_after_the_start(host):
    host.trigger.look(0)
    (host.root / "a.md").write_text("x")
    host.start()
    host.trigger.look(0)
    assert host.events[-1]["payload"]["created"] == ["a.md"]


def test_death_before_the_acknowledgement_repeats_the_event_and_after_it_does_not(host):
    host.trigger.look(0)
    (host.root / "a.md").write_text("x")
    host.trigger.look(1)
    host.start()
    host.trigger.look(0)
    assert host.events[0]["event_id"] == host.events[1]["event_id"]
    assert host.take()
    host.start()
    host.trigger.look(0)
    assert len(host.events) == 2


def test_other_patterns_begin_anew(host):
    host.trigger.look(0)
    (host.root / "a.md").write_text("x")
    host.start(paths=["*.txt"])
    host.trigger.look(0)
    assert host.events == []


def test_shutdown_of_the_host_leaves_the_event_for_later(host):
    host.trigger.look(0)
    (host.root / "a.md").write_text("x")
    host.trigger.look(1)
    assert not host.take("shutdown")
    host.start()
    host.trigger.look(0)
    assert len(host.events) == 2


def test_config_that_cannot_be_read_is_refused(host):
    with pytest.raises(RefusedError, match="paths"):
        host.trigger.watch(TriggerWatchParams(config={"triggers": [{"id": "x", "config": {}}]}))


def test_corrupt_baseline_begins_anew(host, tmp_path):
    host.trigger.look(0)
    (tmp_path / "state" / "trigger-file" / "docs.json").write_text("{broken")
    (host.root / "a.md").write_text("x")
    host.start()
    host.trigger.look(0)
    assert host.events == []
