"""Starts one Python program again and again without importing it anew: imported here once, forked for every start.

Arguments: the descriptor of a socket, the program as ``module:function``, and modules to import besides. A request
brings the descriptors of the standard streams and of a pipe, to which the pid of the new process is written and, when
that has ended, its exit code, a line each. The fixture `fork_server` of the root's conftest is the other side.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys

REQUEST_BYTES = 1 << 17
STREAMS = 3


def is_child(requests: socket.socket, program_file: str) -> bool:
    """Serve requests until there are no more (False); True in every child, which goes on as the program."""
    ended: dict[int, tuple[int, int]] = {}  # the descriptor of a process: its pid and its pipe
    while True:
        for ready in select.select([requests, *ended], [], [])[0]:
            if ready is requests:
                body, descriptors, _, _ = socket.recv_fds(requests, REQUEST_BYTES, STREAMS + 1)
                if not body:
                    return False
                pid = os.fork()
                if pid == 0:
                    requests.detach()  # closed with everything else
                    become(json.loads(body), descriptors[:STREAMS], program_file)
                    return True
                *streams, pipe = descriptors
                for descriptor in streams:
                    os.close(descriptor)
                os.write(pipe, b"%d\n" % pid)
                ended[os.pidfd_open(pid)] = (pid, pipe)
            else:
                pid, pipe = ended.pop(ready)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with contextlib.suppress(BrokenPipeError):
                    os.write(pipe, b"%d\n" % status)
                os.close(pipe)
                os.close(ready)


def become(request: dict, streams: list[int], program_file: str) -> None:
    """Have nothing of this process but its modules."""
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    os.closerange(STREAMS, os.sysconf("SC_OPEN_MAX"))
    sys.stdin = sys.__stdin__ = os.fdopen(0)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w")
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, errors="backslashreplace")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv[:] = [program_file, *request["words"]]


if __name__ == "__main__":
    channel, (name, _, function) = socket.socket(fileno=int(sys.argv[1])), sys.argv[2].partition(":")
    program = importlib.import_module(name)
    for module in sys.argv[3:]:
        importlib.import_module(module)
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever typed it ends the tests, and they end this
    sys.exit(getattr(program, function)() if is_child(channel, str(program.__file__)) else 0)
