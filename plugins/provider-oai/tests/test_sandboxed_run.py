"""The real plugin with its commands in a real bubblewrap sandbox."""

import pytest

from animus_scripted_api import CallTool, Say

pytestmark = pytest.mark.ci

_ATTACK = """
echo inside > made
cat "$ANIMUS_CONTEXT_FILE" > context
(echo x > ../escaped) 2>/dev/null
cat ../secret 2>/dev/null || echo "no read outside"
python3 -c "import socket; socket.create_connection(('127.0.0.1', PORT), 2)" 2>/dev/null || echo "no network"
(echo x > .git/hooks/pre-commit) 2>/dev/null || echo "no hooks"
tr '\\0' '\\n' < /proc/$PPID/environ 2>/dev/null | grep OPENAI_API_KEY || echo "no key"
"""
_DENIED = ["no read outside", "no network", "no hooks", "no key"]


@pytest.fixture
def attack(scripted_api, start_host, params, worktree_folder, tmp_path):
    def attack(**more):
        (tmp_path / "secret").write_text("secret")
        (worktree_folder / ".git" / "hooks").mkdir(parents=True)
        api = scripted_api(
            lambda request: CallTool("shell", {"command": _ATTACK.replace("PORT", str(api.port))}),
            lambda request: Say(request.last_text),
        )
        output = start_host(api, OPENAI_API_KEY="k1").ask("agent/run", params(**more))["output"]
        assert (worktree_folder / "made").read_text() == "inside\n"
        assert (worktree_folder / "context").read_text().startswith("{")
        return output

    return attack


def test_commands_in_the_sandbox_reach_nothing_but_their_folder(attack, tmp_path):
    assert attack(sandbox="bubblewrap").splitlines()[: len(_DENIED)] == _DENIED
    assert not (tmp_path / "escaped").exists()


def test_the_same_commands_work_without_it(attack, tmp_path):
    output = attack()
    assert [words for words in _DENIED if words in output] == []
    assert (tmp_path / "escaped").exists()
