"""The plugin as a process: manifest, start-up, group commit, errors, health."""

import hashlib
import json
import os
import subprocess
import sys

import pytest

WAIT_SECONDS = 60.0
MODULE = [sys.executable, "-P", "-m", "animus_queue_default"]
LATE = ("asyncio", "portalocker", "logging", "importlib.metadata", "subprocess", "click", "hashlib")


def test_manifest_needs_nothing_and_writes_nothing(tmp_path):
    done = subprocess.run(
        [*MODULE, "--manifest"], capture_output=True, cwd=tmp_path, env={}, check=True, timeout=WAIT_SECONDS
    )
    manifest = json.loads(done.stdout)
    assert (manifest["name"], manifest["plugin_kind"]) == ("animus-queue-default", "queue")
    for method in ("queue/lease", "queue/v2/lease/renew", "queue/v2/renew", "queue/v2/recover", "health/check"):
        assert method in manifest["capabilities"]
    assert list(tmp_path.iterdir()) == []


def test_the_handshake_says_what_the_queue_can_do(spawn, tmp_path):
    host, _ = spawn(initialized=False)
    result = host.initialize(tmp_path, tmp_path / "state")
    assert result["kind_capabilities"]["queue"]["extra"] == {
        "priority_weighted": True,
        "max_lease_batch": 64,
        "generation_fenced_leases_v1": True,
    }
    assert not (tmp_path / "state").exists()


def test_start_up_imports_only_what_it_needs():
    program = (
        "import sys; import animus_queue_default.wire.adapter as adapter; adapter.build();"
        f"print([name for name in {LATE!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=WAIT_SECONDS
    )
    assert done.stdout.strip() == "[]"


def test_a_burst_of_requests_is_answered_in_order_from_one_state(spawn, dispatch):
    host, _ = spawn()
    calls = [("queue/enqueue", {"subject_dispatch": dispatch(f"T{number}")}) for number in range(200)]
    answers = host.call_together([*calls, ("queue/stats", None), ("queue/lease", {"max": 200})])
    assert answers[200]["pending"] == 200
    leased = [entry["entry_id"] for entry in answers[201]["leased"]]
    assert leased == [answer["entry_id"] for answer in answers[:200]]


def test_a_refusal_in_a_burst_concerns_itself_alone(spawn, dispatch):
    host, _ = spawn()
    bad = ("queue/enqueue", {"subject_dispatch": dispatch("B"), "run_at": "tomorrow"})
    good = ("queue/enqueue", {"subject_dispatch": dispatch("A")})
    answers = host.call_together([good, bad, ("queue/stats", None)], raise_errors=False)
    assert answers[1]["error"]["code"] == -32602
    assert "RFC 3339" in answers[1]["error"]["message"]
    assert answers[2]["result"]["total"] == 1


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("queue/v2/lease", {"max": 0, "owner_id": "o", "workflow_ids": []}),
        ("queue/v2/lease", {"max": 65, "owner_id": "o", "workflow_ids": [f"w{n}" for n in range(65)]}),
        ("queue/v2/lease", {"max": 1, "owner_id": " ", "workflow_ids": ["w"]}),
        ("queue/v2/lease", {"max": 2, "owner_id": "o", "workflow_ids": ["w", "w"]}),
        ("queue/v2/lease", {"max": 1, "owner_id": "o", "workflow_ids": [""]}),
        ("queue/v2/lease", {"max": 1, "owner_id": "o", "workflow_ids": ["w"], "ttl": 5}),
        ("queue/list", {"limit": -1}),
        ("queue/lease", {"max": -1}),
    ],
)
def test_requests_that_cannot_be_meant_are_refused_and_create_nothing(host, tmp_path, rpc_error, method, params):
    with pytest.raises(rpc_error) as caught:
        host.call(method, params)
    assert caught.value.code == -32602
    assert not (tmp_path / "state" / "queue").exists()


@pytest.mark.parametrize("generation", ["queue/enqueue", "queue/v2/enqueue"])
@pytest.mark.parametrize(
    "more",
    [
        {"run_at": "2030-01-01"},
        {"run_at": "2030-01-01T00:00:00"},
        {"run_at": "soon"},
        {"expire_after_secs": -1},
        {"subject_dispatch": {"workflow_ref": "w", "trigger_source": "t", "requested_at": "2026-01-01T00:00:00Z"}},
        {
            "subject_dispatch": {
                "subject": {"kind": "task", "id": "A"},
                "workflow_ref": "w",
                "trigger_source": "t",
                "requested_at": "yesterday",
            }
        },
    ],
)
def test_malformed_enqueues_are_refused_on_both_generations(host, tmp_path, dispatch, rpc_error, generation, more):
    with pytest.raises(rpc_error) as caught:
        host.call(generation, {"subject_dispatch": dispatch(), **more})
    assert caught.value.code == -32602
    assert not (tmp_path / "state" / "queue").exists()


@pytest.mark.parametrize(
    "more",
    [
        {"idempotency_key": "  "},
        {"idempotency_key": "k" * 257},
        {"run_at": "2030-01-01T00:00:00Z", "expire_after_secs": 2**60},
        {"ttl": 5},
        {"repository": {"repository": " ", "base_ref": "refs/heads/x", "head_ref": "refs/heads/y"}},
    ],
)
def test_a_fenced_enqueue_that_cannot_be_meant_creates_nothing(host, tmp_path, dispatch, rpc_error, more):
    with pytest.raises(rpc_error) as caught:
        host.call("queue/v2/enqueue", {"subject_dispatch": dispatch(), **more})
    assert caught.value.code == -32602
    assert not (tmp_path / "state" / "queue").exists()


@pytest.mark.parametrize("generation", ["queue/enqueue", "queue/v2/enqueue"])
def test_a_dispatch_that_no_reply_could_carry_creates_nothing(host, tmp_path, dispatch, rpc_error, generation):
    with pytest.raises(rpc_error, match="put large input into a file"):
        host.call(generation, {"subject_dispatch": dispatch(input="x" * 5_000_000)})
    assert not (tmp_path / "state" / "queue").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "other"},
        {"version": 2},
        {"queue_lease": None},
        {"subject": None},
        {"workflow_generation": 0},
    ],
)
def test_a_fence_that_is_none_is_refused(host, dispatch, rpc_error, change):
    host.call("queue/v2/enqueue", {"subject_dispatch": dispatch()})
    request = {"max": 1, "owner_id": "o", "workflow_ids": ["w"]}
    fence = host.call("queue/v2/lease", request)["leased"][0]["execution"]
    with pytest.raises(rpc_error) as caught:
        host.call("queue/v2/lease/renew", {"execution": {**fence, **change}})
    assert caught.value.code == -32602


@pytest.mark.parametrize(
    "fence",
    [
        {"schema": "other"},
        {"version": 2},
        {"workflow_generation": 0},
        {"subject": {"qualified_id": "task:B", "generation": 0}},
        {"repository": {"repository": "a", "base_ref": "main", "head_ref": "refs/heads/x"}},
    ],
)
def test_a_lease_that_excludes_what_is_no_fence_hands_out_nothing(host, dispatch, rpc_error, fence):
    host.call("queue/v2/enqueue", {"subject_dispatch": dispatch()})
    whole = {"schema": "animus.execution-fence.v1", "version": 1, "workflow_id": "w", "workflow_generation": 1}
    lease = {"max": 1, "owner_id": "o", "workflow_ids": ["w"], "exclude": [{**whole, **fence}]}
    with pytest.raises(rpc_error) as caught:
        host.call("queue/v2/lease", lease)
    assert caught.value.code == -32602
    assert host.call("queue/stats")["assigned"] == 0


@pytest.mark.parametrize(
    "refs",
    [
        {"base_ref": "main", "head_ref": "refs/heads/x"},
        {"base_ref": "refs/heads/x", "head_ref": "refs/heads/x"},
        {"base_ref": "refs/heads/x", "head_ref": "refs/heads/../y"},
        {"base_ref": "refs/heads/x", "head_ref": "refs/heads/"},
    ],
)
def test_a_repository_ref_is_a_full_one(host, dispatch, rpc_error, refs):
    with pytest.raises(rpc_error, match="ref"):
        host.call("queue/v2/enqueue", {"subject_dispatch": dispatch(), "repository": {"repository": "a", **refs}})


def test_a_damaged_journal_makes_the_plugin_unhealthy_and_names_the_file(spawn, dispatch, tmp_path, rpc_error):
    host, _ = spawn()
    for name in "ABC":
        host.call("queue/enqueue", {"subject_dispatch": dispatch(name)})
    assert host.call("health/check")["status"] == "healthy"
    journal = tmp_path / "state" / "queue" / "journal-00000001.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole[:100] + b"\xff" + whole[101:])
    late, _ = spawn()
    with pytest.raises(rpc_error, match=r"journal-00000001\.log") as caught:
        late.call("queue/enqueue", {"subject_dispatch": dispatch("D")})
    assert caught.value.code == -32603
    assert "truncate -s" in str(caught.value)
    assert late.call("health/check")["status"] == "unhealthy"
    assert journal.read_bytes() == whole[:100] + b"\xff" + whole[101:]
    journal.write_bytes(whole)
    assert late.call("queue/stats")["total"] == 3


def test_another_project_needs_another_process(spawn, tmp_path, rpc_error):
    host, _ = spawn()
    with pytest.raises(rpc_error) as caught:
        host.initialize(tmp_path / "elsewhere", tmp_path / "state")
    assert caught.value.code == -32207


def test_a_foreign_host_gets_its_state_below_the_configured_directory(connect, tmp_path, monkeypatch, dispatch):
    monkeypatch.setenv("ANIMUS_CONFIG_DIR", str(tmp_path / "config"))
    host = connect(initialized=False)
    host.initialize(tmp_path)
    host.call("queue/enqueue", {"subject_dispatch": dispatch()})
    assert (tmp_path / "config" / "scope" / "queue").is_dir()


def test_a_host_that_names_only_the_project_gets_the_place_animus_gives_it(connect, tmp_path, monkeypatch, dispatch):
    monkeypatch.setenv("ANIMUS_CONFIG_DIR", str(tmp_path / "config"))
    root = tmp_path / "My Repo_2"
    root.mkdir()
    host = connect(initialized=False)
    host.initialize(root, repo_scope="")
    host.call("queue/enqueue", {"subject_dispatch": dispatch()})
    digest = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:12]
    assert (tmp_path / "config" / f"my-repo-2-{digest}" / "queue").is_dir()


@pytest.mark.parametrize("scope", ["..", "a/b", "a\0b"])
def test_a_host_that_names_no_place_for_state_is_refused(connect, tmp_path, rpc_error, scope):
    with pytest.raises(rpc_error) as caught:
        connect(initialized=False).initialize(tmp_path, repo_scope=scope)
    assert caught.value.code == -32207


def test_a_host_without_a_project_is_refused(connect, rpc_error):
    host = connect(initialized=False)
    params = {
        "protocol_version": "1.1.0",
        "host_info": {"name": "t", "version": "1.0.0"},
        "capabilities": {},
        "init_extensions": {"project_binding": {"repo_scope": "x"}},
    }
    for extensions in ({}, params["init_extensions"]):
        with pytest.raises(rpc_error) as caught:
            host.call("initialize", {**params, "init_extensions": extensions})
        assert caught.value.code == -32207


def test_the_queue_needs_no_home_when_the_host_says_where(tmp_path, spawn, dispatch):
    host, _ = spawn(env={"HOME": "/nonexistent"})
    assert host.call("queue/enqueue", {"subject_dispatch": dispatch()})["enqueued"]
    assert os.listdir(tmp_path / "state") == ["queue"]  # noqa: PTH208 - names only


def test_what_arrives_with_the_shutdown_is_durable_and_acknowledged(spawn, dispatch):
    for turn in range(3):
        host, process = spawn()
        calls = [("queue/enqueue", {"subject_dispatch": dispatch(f"{turn}-{number}")}) for number in range(200)]
        answers = host.call_together([*calls, ("shutdown", None)])
        assert all(answer["enqueued"] for answer in answers[:-1])
        process.stdin.close()
        assert process.wait(WAIT_SECONDS) == 0
        survivor, _ = spawn()
        assert survivor.call("queue/stats")["total"] == 200 * (turn + 1)


def test_a_number_the_journal_cannot_hold_is_refused_and_spoils_nothing(host, dispatch):
    huge = {"subject_dispatch": dispatch("A"), "run_at": "2030-01-01T00:00:00Z", "expire_after_secs": 2**64}
    good = {"subject_dispatch": dispatch("B")}
    first, second = host.call_together([("queue/enqueue", huge), ("queue/enqueue", good)], raise_errors=False)
    assert first["error"]["code"] == -32602
    assert second["result"]["enqueued"]


def test_the_longest_expiry_of_the_wire_means_never_and_is_shown_as_given(host, dispatch):
    host.call(
        "queue/enqueue",
        {"subject_dispatch": dispatch("A"), "run_at": "2020-01-01T00:00:00Z", "expire_after_secs": 2**64 - 1},
    )
    assert host.call("queue/list", {})["entries"][0]["expire_after_secs"] == 2**64 - 1
    assert len(host.call("queue/lease", {"max": 1})["leased"]) == 1
