"""Types may be read for the first time on several threads at once."""

import subprocess
import sys

_RACE = """
import sys, threading, types
import msgspec
from animus_plugin_protocol.described import described

sys.setswitchinterval(1e-6)
SOURCE = "import msgspec\\nclass Leaf(msgspec.Struct):\\n  a: int = 0\\n  b: 'list[str]' = []\\n" + "".join(
    f"class Node{n}(msgspec.Struct):\\n" + "".join(f"  f{m}: 'Leaf | None' = None\\n" for m in range(8))
    for n in range(8)
) + "class Top(msgspec.Struct):\\n" + "".join(f"  n{n}: 'Node{n} | None' = None\\n" for n in range(8))
DOCUMENT = msgspec.json.encode({f"n{n}": {f"f{m}": {"a": 1, "b": ["x"]} for m in range(8)} for n in range(8)})

for number in range(40):
    module = types.ModuleType(f"fresh{number}")
    sys.modules[module.__name__] = module
    exec(SOURCE, module.__dict__)
    together = threading.Barrier(4)

    def read(shape=module.Top):
        together.wait()
        assert msgspec.json.decode(DOCUMENT, type=described(shape)).n7.f7.a == 1

    threads = [threading.Thread(target=read) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
print("alive")
"""


def test_fresh_type_is_read_by_several_threads_at_once():
    # Without `described` this ends in a segmentation fault within a few rounds, hence a process of its own.
    done = subprocess.run([sys.executable, "-c", _RACE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr


def test_unhashable_and_generic_types_are_taken():
    from animus_plugin_protocol.described import described

    assert described(dict[str, int]) == dict[str, int]
