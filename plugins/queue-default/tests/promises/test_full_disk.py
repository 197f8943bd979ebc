"""A disk that is really full: a clear error, nothing lost, and work goes on when there is space again."""

import subprocess

import pytest

SIZE = 2 * 1024 * 1024
LONGEST_FILE = 600 * 1024


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes."""
    target = tmp_path / "state"
    target.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", target], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"mounting a small file system needs root: {mounted.stderr.strip()}")
    yield target
    subprocess.run(["umount", "--lazy", target], check=True)


def enqueue_until_refused(host, dispatch, rpc_error):
    acknowledged = []
    try:
        for number in range(5_000):
            params = {"subject_dispatch": dispatch(f"T{number}", vars={"pad": "x" * 900})}
            acknowledged.append(host.call("queue/v2/enqueue", params)["entry_id"])
    except rpc_error as error:
        return acknowledged, error
    raise AssertionError("the disk was not full")


@pytest.mark.soak
def test_a_full_disk_refuses_loses_nothing_and_works_again(small_disk, spawn, dispatch, rpc_error):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(64 * 1024))
    host, process = spawn()
    acknowledged, refused = enqueue_until_refused(host, dispatch, rpc_error)
    assert refused.code == -32603
    assert "No space left on device; nothing of this batch was kept" in str(refused)
    assert len(acknowledged) > 500
    assert host.call("queue/stats")["total"] == len(acknowledged)
    with pytest.raises(rpc_error, match="No space left on device"):
        host.call("queue/v2/enqueue", {"subject_dispatch": dispatch("more", vars={"pad": "x" * 9_000})})
    ballast.unlink()
    assert host.call("queue/drop", {"entry_id": acknowledged[0]})["changed"]
    assert host.call("health/check")["status"] == "healthy"
    process.kill()
    process.wait(60)
    late, _ = spawn()
    assert late.call("queue/stats")["total"] == len(acknowledged) - 1


def test_a_file_that_may_not_grow_refuses_loses_nothing_and_works_again(spawn, dispatch, rpc_error):
    resource = pytest.importorskip("resource", reason="limits of a process are a thing of POSIX")
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux sets the limits of another process")
    host, process = spawn()
    _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (LONGEST_FILE, resource.RLIM_INFINITY))
    acknowledged, refused = enqueue_until_refused(host, dispatch, rpc_error)
    assert refused.code == -32603
    assert "File too large; nothing of this batch was kept" in str(refused)
    assert host.call("queue/stats")["total"] == len(acknowledged)
    assert host.call("queue/v2/enqueue", {"subject_dispatch": dispatch("T0")})["entry_id"] == acknowledged[0]
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    acknowledged.append(host.call("queue/v2/enqueue", {"subject_dispatch": dispatch("more")})["entry_id"])
    process.kill()
    process.wait(60)
    late, _ = spawn()
    kept = {entry["entry_id"] for entry in late.call("queue/list", {"limit": 2000})["entries"]}
    assert kept == set(acknowledged)
