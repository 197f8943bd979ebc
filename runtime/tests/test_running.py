import asyncio
import io
import json
import os
import subprocess
import sys
import textwrap

import pytest

from animus_plugin_protocol.errors import ErrorCode, RetriableError
from animus_plugin_protocol.wire.lifecycle import HostCallsOffer, InitExtensions, PackRoot, ProjectBinding
from animus_plugin_runtime.errors import HandshakeError
from animus_plugin_runtime.handshake import HostOffer
from animus_plugin_runtime.running import sweep_orphans

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux shows environments (/proc)")


def test_plugin_gets_binding_and_offers_and_its_answer_is_kept(run, start, tmp_path):
    extensions = InitExtensions(
        project_binding=ProjectBinding(project_root="/p", repo_scope="p-1", state_dir="/s"),
        host_calls=HostCallsOffer(version=1),
        packs=[PackRoot(id="animus.task", version="1.0.0", root="/packs/task")],
    )
    lines = []

    async def main():
        plugin = await start(
            offer=HostOffer(extensions=extensions), observers=(lambda d, p, line: lines.append(json.loads(line)),)
        )
        await plugin.stop()
        return plugin.connection.initialize_result

    result = run(main())
    assert result.plugin_info.name == "misbehaving"
    params = lines[0]["params"]
    assert lines[0]["id"] == 1
    assert params["protocol_version"] == "1.1.0"
    assert params["capabilities"] == {"streaming": True, "progress": True, "cancellation": True}
    assert params["init_extensions"]["project_binding"]["state_dir"] == "/s"
    assert params["init_extensions"]["host_calls"] == {"version": 1}
    assert params["init_extensions"]["packs"][0]["root"] == "/packs/task"
    assert [line.get("method") for line in lines[2:3]] == ["initialized"]


def test_plugin_sees_an_allow_listed_environment_and_the_project_as_cwd(run, start, tmp_path):
    environ = {"PATH": os.environ["PATH"], "SECRET": "x", "TOKEN": "t", "PYTHONPATH": "/evil", "HOME": "/h"}

    async def main():
        plugin = await start(env=("TOKEN",), environ=environ)
        seen = await plugin.connection.call("environment", timeout_seconds=60)
        await plugin.stop()
        return seen

    seen = run(main())
    names = set(seen["environ"]) - {"PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"}
    assert names == {"PATH", "TOKEN", "HOME", "ANIMUS_PROCESS_MARK", "PYTHONSAFEPATH"}
    assert os.path.realpath(seen["cwd"]) == os.path.realpath(tmp_path)


@pytest.mark.parametrize(
    ("switch", "text"), [("--refuse", "refused this host: this project is not mine"), ("--version=2.0.0", "same major")]
)
def test_handshake_that_does_not_fit_is_refused_and_leaves_no_process(run, start, ledger, switch, text):
    with pytest.raises(HandshakeError, match=text):
        run(start(switch))
    assert ledger.load() == ([], [])


def test_plugin_that_dies_at_its_start_says_why(run, start, ledger):
    with pytest.raises(RetriableError, match=r"exit code 4.*no database") as caught:
        run(start("--die-at-start"))
    assert caught.value.code == ErrorCode.HOST_PLUGIN_DIED
    assert ledger.load() == ([], [])


def test_plugin_that_never_answers_the_handshake_is_given_up(run, start, ledger, monkeypatch):
    from animus_plugin_runtime import handshake

    monkeypatch.setattr(handshake.shake_hands, "__kwdefaults__", {"timeout_seconds": 0.1})
    with pytest.raises(RetriableError, match="did not answer 'initialize'"):
        run(start("--no-handshake"))
    assert ledger.load() == ([], [])


def test_start_in_a_missing_directory_is_an_error_and_leaves_nothing(run, start, ledger, tmp_path):
    with pytest.raises(RetriableError, match="could not be started"):
        run(start(project_root=tmp_path / "gone"))
    assert ledger.load() == ([], [])


def test_cancelled_start_leaves_no_process(run, start, ledger, wait_until):
    async def main():
        starting = asyncio.create_task(start("--no-handshake"))
        await asyncio.to_thread(wait_until, lambda: ledger.load()[0])
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    run(main())
    wait_until(lambda: ledger.load() == ([], []))


def test_record_is_on_disk_while_the_plugin_runs_and_gone_afterwards(run, start, ledger):
    async def main():
        plugin = await start()
        [record] = ledger.load()[0]
        assert (record.pid, record.purpose, record.owner_pid) == (plugin.connection.pid, "plugin", os.getpid())
        ending = await plugin.stop()
        assert ending.exit_code == 0

    run(main())
    assert ledger.load() == ([], [])


@pytest.mark.parametrize(
    "switches", [("--ignore-exit", "--ignore-eof"), ("--ignore-exit", "--ignore-eof", "--ignore-term")]
)
def test_stop_ladder_ends_a_plugin_that_does_not_want_to(run, start, is_running, monkeypatch, switches):
    from animus_plugin_runtime import running

    monkeypatch.setattr(running, "EXIT_SECONDS", 0.1)
    monkeypatch.setattr(running, "TERM_SECONDS", 0.2 if "--ignore-term" in switches else 60.0)

    async def main():
        plugin = await start(*switches)
        ending = await plugin.stop()
        assert ending.exit_code == (-9 if "--ignore-term" in switches else -15)
        assert not is_running(plugin.connection.pid)

    run(main())


@linux_only
@pytest.mark.parametrize("how", ["stop", "die"])
@pytest.mark.parametrize("quiet", [True, False], ids=["quiet", "holds-stdout"])
def test_no_descendant_outlives_the_plugin(run, start, is_running, monkeypatch, how, quiet):
    from animus_plugin_runtime import running

    monkeypatch.setattr(running, "TERM_SECONDS", 0.2)

    async def main():
        plugin = await start()
        family = await plugin.connection.call("spawn", {"ignore_term": True, "quiet": quiet}, timeout_seconds=60)
        assert is_running(family["pid"])
        if how == "stop":
            await plugin.stop()
        else:
            with pytest.raises(RetriableError):
                await plugin.connection.call_raw("die")
            await plugin.ended
        assert not is_running(family["pid"])

    run(main())


def test_flood_on_stderr_is_bounded_and_reaches_the_sink(run, start):
    lines = []

    async def main():
        plugin = await start(on_stderr=lambda name, line: lines.append((name, len(line))))
        await plugin.connection.call_raw("flood_stderr", {"count": 2000}, timeout_seconds=60)
        with pytest.raises(RetriableError) as caught:
            await plugin.connection.call_raw("die")
        return caught.value.data["stderr"]

    tail = run(main())
    assert len(tail) == 40
    assert max(len(line) for line in tail) <= 512
    assert tail[-2:] == ["\ufffd\ufffd not text", "I cannot go on"]
    assert len(lines) == 2002
    assert max(length for _, length in lines) <= 8192
    assert {name for name, _ in lines} == {"misbehaving"}


def test_plugin_is_watched_by_a_thread_where_there_are_no_process_descriptors(run, start, ledger, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)

    async def main():
        first, second = await start(), await start()
        with pytest.raises(RetriableError, match="exit code 3"):
            await first.connection.call_raw("die")
        assert (await first.ended).exit_code == 3
        assert (await second.stop()).exit_code == 0

    run(main())
    assert ledger.load() == ([], [])


def test_sink_that_fails_is_taken_off(run, start):
    reported = []

    def broken(name, line):
        raise ValueError("sink")

    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context["message"]))
        plugin = await start(on_stderr=broken)
        await plugin.connection.call_raw("flood_stderr", {"count": 20}, timeout_seconds=60)
        await plugin.stop()

    run(main())
    assert reported == ["a sink for standard error failed and was taken off"]


def test_hostile_modules_in_the_project_are_never_imported(run, ledger, tmp_path, candidate):
    """The working directory is the project: its msgspec.py and queue.py must stay files."""
    import msgspec

    from animus_plugin_runtime.running import Launch, launch_plugin

    for name in ("msgspec", "queue", "json", "animus_plugin_protocol"):
        (tmp_path / f"{name}.py").write_text(
            f"open({str(tmp_path / 'ran')!r}, 'a').write('{name} ')\nraise SystemExit(9)\n"
        )
    module = tmp_path.parent / f"{tmp_path.name}-site"
    module.mkdir()
    (module / "hostile_probe.py").write_text(
        textwrap.dedent("""
        import queue
        from animus_plugin_protocol import Plugin
        plugin = Plugin("animus-probe", "1.0.0", kind="custom")
        plugin.register_method("probe/where", lambda params: queue.__file__)
        raise SystemExit(plugin.run())
        """)
        .replace("lambda params: queue.__file__", "where")
        .replace("plugin = Plugin", "def where(params: None) -> str:\n    return queue.__file__\nplugin = Plugin")
    )
    program = f"import sys, runpy; sys.path.append({str(module)!r}); runpy.run_module('hostile_probe')"
    safe = msgspec.structs.replace(candidate(), argv=(sys.executable, "-P", "-c", program))

    async def main():
        plugin = await launch_plugin(Launch(safe, HostOffer(), tmp_path, ledger))
        where = await plugin.connection.call("probe/where", timeout_seconds=60)
        await plugin.stop()
        return where

    assert not run(main()).startswith(str(tmp_path))
    assert not (tmp_path / "ran").exists()


def test_trusted_file_that_changed_after_discovery_is_not_started(run, ledger, tmp_path, candidate):
    import msgspec

    from animus_plugin_runtime.running import Launch, launch_plugin
    from animus_plugin_runtime.trust import hash_file

    program = tmp_path / "plugin"
    program.write_text("#!/bin/sh\ntouch ran\n")
    program.chmod(0o755)
    trusted = msgspec.structs.replace(candidate(), argv=(str(program),), path=program, sha256=hash_file(program))
    program.write_text("#!/bin/sh\ntouch ran # changed\n")
    with pytest.raises(HandshakeError, match="changed since it was trusted"):
        run(launch_plugin(Launch(trusted, HostOffer(), tmp_path, ledger)))
    assert not (tmp_path / "ran").exists()


class Immortal:
    """A process that withstands SIGTERM and SIGKILL, as one in the middle of a call to a bad disk does."""

    def __init__(self):
        self.pid, self.cleared = 0, []
        self.stdin, self.stdout, self.stderr = io.BytesIO(), io.BytesIO(), io.BytesIO()

    async def wait_exit(self):
        return await asyncio.get_running_loop().create_future()

    async def stop(self, *, term_seconds, kill_seconds):
        return False

    async def clear_up(self, *, is_gone):
        self.cleared.append(is_gone)
        return []


def test_a_process_that_withstands_its_end_keeps_nobody_waiting(run, ledger, tmp_path, candidate):
    from animus_plugin_runtime.connection import Connection
    from animus_plugin_runtime.process import PluginProcess
    from animus_plugin_runtime.running import Launch, RunningPlugin
    from animus_plugin_runtime.stderr_tail import StderrTail

    async def main():
        process: PluginProcess = Immortal()
        launch = Launch(candidate(), HostOffer(), tmp_path, ledger)
        plugin = RunningPlugin(launch, process, Connection("immortal", pid=0), StderrTail())
        plugin.end("it is of no use")
        await plugin.ended
        return await plugin.stop(), process.cleared

    ending, cleared = run(main())
    assert (ending.exit_code, ending.detail, cleared) == (None, "it is of no use", [False])


def test_plugins_of_a_killed_host_are_swept_by_the_next_one(run, ledger, tmp_path, is_running):
    host = textwrap.dedent("""
        import asyncio, os, sys
        from pathlib import Path
        from animus_plugin_runtime.candidate import Candidate
        from animus_plugin_runtime.handshake import HostOffer
        from animus_plugin_runtime.running import Launch, launch_plugin
        from animus_process import ProcessLedger
        async def main():
            program = Candidate(name="m", source="user", path=Path(sys.argv[1]), fingerprint="",
                                argv=(sys.executable, sys.argv[1], "--ignore-eof", "--ignore-term"))
            plugin = await launch_plugin(Launch(program, HostOffer(), Path("."), ProcessLedger(Path(sys.argv[2]))))
            print(plugin.connection.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """)
    from pathlib import Path

    program = Path(__file__).parent / "programs" / "misbehaving.py"
    with subprocess.Popen(
        [sys.executable, "-c", host, str(program), str(ledger.directory)], stdout=subprocess.PIPE
    ) as process:
        pid = int(process.stdout.readline())
        process.kill()
    assert is_running(pid)
    assert [record.pid for record in run(sweep_orphans(ledger))] == [pid]
    assert not is_running(pid)
