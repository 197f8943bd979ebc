"""The attacks, one function each: ``attack_programs.py NAME FACTS`` prints one JSON line saying what came of it.

Runs inside the sandbox and outside it, on the standard library alone. Returns normally when the aim was reached.
"""

import ctypes
import errno
import fcntl
import http.client
import json
import os
import signal
import socket
import sys
import termios
import time
from pathlib import Path
from urllib.parse import urlsplit

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
PTRACE_SEIZE, PTRACE_DETACH = 0x4206, 17
ADD_KEY = {"x86_64": 248, "aarch64": 217}
IO_URING_SETUP = 425
PIECE = 1024 * 1024


class Outcome(Exception):  # noqa: N818 - not an error
    """What came of it, where no errno says so."""


def checked(result):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def read_home_file(facts):
    return Path(facts["home"], "notes.txt").read_text()


def read_ssh_key(facts):
    return Path(facts["home"], ".ssh", "id_ed25519").read_text()


def write_outside_worktree(facts):
    Path(facts["outside"], "planted").write_text("x")


def make_folder_outside(facts):
    folder = Path("/animus-attack")
    folder.mkdir()
    folder.rmdir()


def write_usr(facts):
    file = Path("/usr/animus-attack")
    file.write_text("x")
    file.unlink()


def follow_symlink(facts):
    link = Path(facts["worktree"], "link")
    link.unlink(missing_ok=True)
    link.symlink_to(Path(facts["home"], "notes.txt"))
    return link.read_text()


def _connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(60)
        connection.connect(address)


def connect_loopback(facts):
    _connect(socket.AF_INET, ("127.0.0.1", facts["port"]))


def connect_network(facts):
    _connect(socket.AF_INET, (facts["network_address"], facts["port"]))


def connect_control_socket(facts):
    _connect(socket.AF_UNIX, facts["control_socket"])


def connect_abstract_socket(facts):
    _connect(socket.AF_UNIX, "\0" + facts["abstract_socket"])


def open_vsock(facts):
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()


def set_up_io_uring(facts):
    parameters = ctypes.create_string_buffer(120)
    os.close(checked(LIBC.syscall(IO_URING_SETUP, 1, parameters)))


def add_kernel_key(facts):
    # -2: the keyring of this process, which goes with it.
    checked(LIBC.syscall(ADD_KEY[os.uname().machine], b"user", b"animus-attack", b"x", 1, -2))


def read_environ(facts):
    if b"HOST_SECRET=" not in Path(f"/proc/{facts['victim']}/environ").read_bytes():
        raise Outcome("nothing")


def kill_process(facts):
    os.kill(facts["victim"], signal.SIGURG)


def trace_process(facts):
    checked(LIBC.ptrace(PTRACE_SEIZE, facts["victim"], None, None))
    # The kernel detaches when this process ends.


def mount_file_system(facts):
    if os.getuid() == 0:
        checked(LIBC.unshare(CLONE_NEWNS))
        checked(LIBC.mount(b"none", b"/", None, 0x44000, None))  # private: the host does not see it
    checked(LIBC.mount(b"tmpfs", os.fsencode(facts["worktree"]), b"tmpfs", 0, None))


def make_user_namespace(facts):
    checked(LIBC.unshare(CLONE_NEWUSER))


def write_kernel_setting(facts):
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))


def take_memory(facts):
    try:
        bytearray(facts["memory"] * 2)
    except MemoryError:
        raise OSError(errno.ENOMEM, "memory") from None


def take_processes(facts):
    children = []
    try:
        for _ in range(facts["processes"] + 10):
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def take_files(facts):
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(facts["files"] + 10)]
    for descriptor in held:
        os.close(descriptor)


def fill_tmp(facts):
    file = Path("/tmp/animus-attack-fill")
    try:
        with file.open("wb", buffering=0) as stream:
            for _ in range(facts["tmp"] // PIECE + 2):
                stream.write(b"x" * PIECE)
    finally:
        file.unlink(missing_ok=True)


def _everything(facts):
    """All text within reach: processes, and the files of the places an agent has."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            for name in ("environ", "cmdline"):
                try:
                    yield Path(process, name).read_bytes()
                except OSError:
                    continue
    places = [facts["worktree"], facts["repository"], facts["outside"], facts["home"]]
    places += ["/tmp", "/home", "/run", "/etc", "/var/tmp"] if facts["is_inside"] else []
    for place in places:
        for top, _, names in os.walk(place):
            for name in names:
                try:
                    yield Path(top, name).read_bytes()
                except OSError:
                    continue


def _find(facts, wanted):
    if not any(wanted.encode() in text for text in _everything(facts)):
        raise Outcome("nothing")


def find_key(facts):
    # Put together here: the whole of it must not stand in this process's own command line.
    _find(facts, "".join(facts["key_halves"]))


def find_remote_password(facts):
    if "remote-password" not in Path(facts["repository"], ".git", "config").read_text():
        raise Outcome("nothing")


def outlive(facts):
    """Holds a lock for as long as the daemon lives: the test looks who has it."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            stream = os.open(Path(facts["worktree"], "alive.lock"), os.O_WRONLY | os.O_CREAT)
            fcntl.flock(stream, fcntl.LOCK_EX)
            null = os.open("/dev/null", os.O_RDWR)
            for descriptor in range(3):
                os.dup2(null, descriptor)
            os.write(write, b"x")
            signal.alarm(60)
            while True:
                time.sleep(60)
        os._exit(0)
    os.read(read, 1)


def write_hook(facts):
    Path(facts["repository"], ".git", "hooks", "post-checkout").write_text("#!/bin/sh\n")


def write_git_config(facts):
    with Path(facts["repository"], ".git", "config").open("a") as stream:
        stream.write("\n")


def redirect_git(facts):
    link = Path(facts["worktree"], ".git")
    saved = link.read_bytes()
    link.unlink()
    link.write_bytes(saved)


def inject_terminal(facts):
    fcntl.ioctl(0, termios.TIOCSTI, b"x")


def _ask(facts, target):
    base = urlsplit(facts["url"])
    connection = http.client.HTTPConnection(base.hostname, base.port, timeout=60)
    connection.putrequest("POST", target, skip_host=True)
    connection.putheader("Host", base.netloc)
    connection.putheader("Content-Length", "0")
    connection.endheaders()
    status = connection.getresponse().status
    if status != 200:
        raise Outcome(str(status))


def ask_other_path(facts):
    _ask(facts, "/v1/admin/keys")


def ask_other_host(facts):
    _ask(facts, f"http://127.0.0.1:{facts['port']}/v1/messages")


def main():
    name, facts = sys.argv[1], json.loads(sys.argv[2])
    try:
        globals()[name.replace("-", "_")](facts)
        outcome = "done"
    except Outcome as found:
        outcome = str(found)
    except OSError as error:
        outcome = errno.errorcode[error.errno]
    sys.stdout.write(json.dumps({"outcome": outcome}) + "\n")


main()
