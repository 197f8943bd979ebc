"""A plugin that keeps its answer to ``initialize``: what is answered before the plugin is imported, and what not."""

import json
import subprocess
import sys
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animus_plugin_protocol import Plugin, RegistrationError, entry, handshake_file, methods
from animus_plugin_protocol import early as early_start
from animus_plugin_protocol.wire.queue import QueueStats

PLAIN = {"protocol_version": "1.1.0", "host_info": {"name": "h", "version": "1.0.0"}, "capabilities": {}}
BINDING = {"project_root": "/p", "repo_scope": "s", "state_dir": "/d"}
PACK = {"id": "p", "version": "1.0.0", "root": "/r", "source": "bundled"}

MODULE = """
import os, sys
from animus_plugin_protocol import Plugin, methods
from animus_plugin_protocol.wire.queue import QueueStats

print("imported", file=sys.stderr)

def stats(_params: None) -> QueueStats:
    return QueueStats(total=7, pending=0, assigned=0, held=0)

def build() -> Plugin:
    plugin = Plugin("early", os.environ.get("EARLY_VERSION", "1.0.0"), description="d")
    plugin.register_method(methods.QUEUE_STATS, stats{inline})
    return plugin
"""
ASYNC = MODULE.replace("def stats", "async def stats")


def line_of(params, request_id=1):
    frame = {"jsonrpc": "2.0", "id": request_id, "method": "initialize", "params": params}
    return json.dumps(frame).encode() + b"\n"


@pytest.fixture
def early(tmp_path, run_process):
    """Start the package `early` through `start`; with or without its file."""

    def make(source=MODULE, *, keep=True, environment=None):
        package = tmp_path / "early"
        package.mkdir()
        (package / "__init__.py").write_text("", encoding="utf-8")
        (package / "work.py").write_text(source.format(inline=""), encoding="utf-8")
        path = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        words = "from animus_plugin_protocol.handshake_file import main; main(['early.work:build'])"
        writing = [sys.executable, "-c", path + words]
        if keep:
            assert run_process(writing).exit_code() == 0
        code = f"{path}from animus_plugin_protocol.entry import start; sys.exit(start('early.work:build'))"
        return run_process([sys.executable, "-c", code], environment)

    return make


@pytest.mark.parametrize("source", [MODULE, ASYNC])
@pytest.mark.parametrize("keep", [True, False])
def test_plugin_serves_the_same_with_and_without_the_file(early, source, keep):
    host = early(source, keep=keep)
    result = host.handshake()
    assert result["plugin_info"]["name"] == "early"
    assert host.result("queue/stats")["total"] == 7


def test_initialize_is_answered_before_the_plugin_is_imported(early, tmp_path):
    host = early()
    (tmp_path / "early" / "work.py").write_text("raise RuntimeError('never imported')", encoding="utf-8")
    host.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": PLAIN})
    assert host.reply(1)["result"]["plugin_info"]["name"] == "early"
    assert host.exit_code() == 1
    assert "never imported" in host.stderr()


def test_plugin_that_answers_something_else_ends_and_says_so(early):
    host = early(environment={"EARLY_VERSION": "2.0.0"})
    host.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": PLAIN})
    assert host.reply(1)["result"]["plugin_info"]["version"] == "1.0.0"
    assert host.exit_code() == 1
    assert "does not answer what its handshake.json says" in host.stderr()


def test_what_is_not_plain_is_refused_by_the_plugin_itself(early):
    host = early()
    host.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {**PLAIN, "protocol_version": "9.0.0"}})
    assert host.reply(1)["error"]["code"] == -32602
    host.send({"jsonrpc": "2.0", "id": 2, "method": "initialize", "params": PLAIN})
    assert "result" in host.reply(2)


EXTENSIONS = [
    {},
    {"project_binding": BINDING},
    {"project_binding": BINDING, "host_calls": {"version": 1}, "packs": [PACK], "actor": {"user_id": "ada"}},
]
ODD = [
    {},
    None,
    [],
    {**PLAIN, "protocol_version": "2.0.0"},
    {**PLAIN, "protocol_version": "1.1"},
    {**PLAIN, "protocol_version": 1},
    {**PLAIN, "host_info": {"name": "h"}},
    {**PLAIN, "host_info": {"name": "h", "version": 1}},
    {**PLAIN, "host_info": "h"},
    {**PLAIN, "capabilities": None},
    {**PLAIN, "capabilities": {"streaming": "yes"}},
    {**PLAIN, "init_extensions": []},
    {**PLAIN, "init_extensions": {"project_binding": {"project_root": 1}}},
    {**PLAIN, "init_extensions": {"host_calls": {"version": "1"}}},
    {**PLAIN, "init_extensions": {"actor": {}}},
    {**PLAIN, "init_extensions": {"packs": {}}},
    {**PLAIN, "init_extensions": {"packs": [{"id": "p"}]}},
    {**PLAIN, "init_extensions": {"somebody_elses": {}}},
    {**PLAIN, "host_info": {"name": "\ud800", "version": "1.0.0"}},
]


@pytest.mark.parametrize("extensions", EXTENSIONS)
def test_plain_initialize_is_seen_as_one(extensions):
    assert entry._plain_initialize(line_of({**PLAIN, "init_extensions": extensions}, 12)) == 12


@pytest.mark.parametrize("params", ODD)
def test_odd_params_are_left_to_the_plugin(params):
    assert entry._plain_initialize(line_of(params)) is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        line_of(PLAIN)[:-1],
        b"\xef\xbb\xbf" + line_of(PLAIN),
        line_of(PLAIN, "1"),
        line_of(PLAIN, True),
        line_of(PLAIN, 1.0),
        line_of(PLAIN, 2**64),
        line_of(PLAIN).replace(b'"id": 1', b'"id": -0'),
        line_of(PLAIN).replace(b'"id": 1', b'"id": NaN'),
        line_of(PLAIN).replace(b"2.0", b"1.0"),
        line_of(PLAIN)[:-1] + b" {}\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_odd_lines_are_left_to_the_plugin(line):
    assert entry._plain_initialize(line) is None


TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)
SCRAPS = st.lists(
    st.sampled_from([*'{}[]",: 0129-.e', "null", "true", "false", '"a"', "\\", "\t", "\x7f", "é"]), max_size=12
)


@given(st.one_of(VALUES.map(json.dumps), VALUES.map(partial(json.dumps, ensure_ascii=False)), SCRAPS.map("".join)))
@settings(max_examples=100, deadline=None)
def test_what_is_read_by_hand_is_what_json_reads(text):
    found = entry._decoded(text.encode())
    if found is not None:
        assert repr(found) == repr(json.loads(text))


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_usual_values_are_read_by_hand(separators):
    value = {"a": [1, {"b": True, "c": None}, [], {}, "é"], "d": 2**70, "": False}
    assert entry._decoded(json.dumps(value, separators=separators, ensure_ascii=False).encode()) == value


def test_host_may_have_it_answer_before_the_interpreter_knows_its_site(run_process, tmp_path):
    package = tmp_path / "first"
    package.mkdir()
    for name in ("__init__", "late"):
        (package / f"{name}.py").write_text(MODULE.format(inline="") if name == "late" else "", encoding="utf-8")
    (package / "__main__.py").write_text(
        "import sys, msgspec\nfrom animus_plugin_protocol.entry import start\n"  # msgspec: of site-packages
        "print(sys.argv, 'site' in sys.modules, file=sys.stderr)\nsys.exit(start('first.late:build'))\n",
        encoding="utf-8",
    )
    environment = {"PYTHONPATH": str(tmp_path)}
    argv = [sys.executable, "-P", "-S", early_start.__file__, "first", str(package)]
    code = "from animus_plugin_protocol.handshake_file import main; main(['first.late:build'])"
    assert run_process([sys.executable, "-c", code], environment).exit_code() == 0
    host = run_process(argv, environment)
    host.send({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": PLAIN})
    assert host.reply(1)["result"]["plugin_info"]["name"] == "early"
    host.notify("initialized")
    assert host.result("queue/stats")["total"] == 7
    host.close_stdin()
    assert host.exit_code() == 0
    assert f"[{str(package / '__main__.py')!r}] True" in host.stderr()
    assert json.loads(run_process([*argv, "--manifest"], environment).line())["name"] == "early"


def small_plugin():
    plugin = Plugin("small", "1.0.0", description="d")

    def stats(_params: None) -> QueueStats:
        return QueueStats(total=0, pending=0, assigned=0, held=0)

    plugin.register_method(methods.QUEUE_STATS, stats)
    return plugin


def test_plugin_that_looks_at_initialize_gets_no_file(monkeypatch):
    plugin = small_plugin()
    plugin.on_initialize(lambda _params: None)
    monkeypatch.setattr(sys.modules[__name__], "small_plugin", lambda: plugin)
    monkeypatch.setitem(sys.modules, "looks", sys.modules[__name__])
    with pytest.raises(RegistrationError, match="on_initialize"):
        handshake_file.kept_handshake("looks:small_plugin")


def test_nothing_is_imported_for_the_early_answer():
    code = (
        "import sys; before = set(sys.modules); import animus_plugin_protocol.entry; print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(done.stdout.split()) == {"animus_plugin_protocol", "animus_plugin_protocol.entry"}
