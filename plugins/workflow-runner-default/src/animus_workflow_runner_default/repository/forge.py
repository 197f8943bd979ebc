"""Forges and their command lines: what to call to find, open and merge a pull request.

A forge is a row of `FORGES`. Its program is the user's own, with the user's own login.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from animus_process import child_environment
from animus_workflow_runner_default.authoring.model import MergeStrategy
from animus_workflow_runner_default.json_value import json_array, json_object
from animus_workflow_runner_default.repository.git import Git, GitAnswer

__all__ = ["FORGES", "Forge", "ForgeError", "PullRequest", "forge_problem", "open_pull_request", "remote_of"]

CREDENTIALS = ("SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GH_TOKEN", "GITHUB_TOKEN", "GH_HOST", "GITLAB_TOKEN", "GITLAB_HOST")
"""Variables that a push or the forge's program may need; they are handed on where we have them."""
_KEY = "post_success.merge.create_pr"


class ForgeError(Exception):
    """The forge or its program refused; the text is what it said."""


class Forge(NamedTuple):
    """One forge. In arguments ``{branch}``, ``{target}``, ``{title}``, ``{body}``, ``{url}`` are filled in."""

    name: str
    program: str
    site: str
    """Where the program comes from."""
    find: tuple[str, ...]
    """Prints the open pull requests of the branch as a JSON array."""
    url_key: str
    """The key of its address in an item of that array."""
    create: tuple[str, ...]
    """Opens one and prints its address."""
    merge: tuple[str, ...]
    """Has the forge merge it once its own rules allow that."""
    strategies: Mapping[MergeStrategy, tuple[str, ...]]
    """What `merge` takes besides, by strategy."""


FORGES = {
    "github": Forge(
        name="github",
        program="gh",
        site="https://cli.github.com",
        find=("pr", "list", "--head", "{branch}", "--base", "{target}", "--state", "open", "--json", "url"),
        url_key="url",
        create=("pr", "create", "--head", "{branch}", "--base", "{target}", "--title", "{title}", "--body", "{body}"),
        merge=("pr", "merge", "{url}", "--auto"),
        strategies={"merge": ("--merge",), "squash": ("--squash",), "rebase": ("--rebase",)},
    ),
    "gitlab": Forge(
        name="gitlab",
        program="glab",
        site="https://gitlab.com/gitlab-org/cli",
        find=("mr", "list", "--source-branch", "{branch}", "--target-branch", "{target}", "--output", "json"),
        url_key="web_url",
        create=(
            *("mr", "create", "--source-branch", "{branch}", "--target-branch", "{target}"),
            *("--title", "{title}", "--description", "{body}", "--yes"),
        ),
        merge=("mr", "merge", "{branch}", "--auto-merge", "--yes"),
        strategies={"merge": (), "squash": ("--squash",), "rebase": ("--rebase",)},
    ),
}
"""By the words of ``integrations.git.provider``."""


class PullRequest(NamedTuple):
    """What is to be opened. `strategy` is None unless the forge is to merge it by itself."""

    branch: str
    target: str
    title: str
    body: str
    strategy: MergeStrategy | None = None


async def remote_of(git: Git, project_root: Path, target: str) -> tuple[str, str] | None:
    """Name and address of the remote that a branch goes to: its own, else ``origin``, else the only one."""
    configured = await git.ask(project_root, "config", "--get", f"branch.{target}.remote")
    names = (await git.do(project_root, "remote")).split()
    wanted = configured.text if configured.exit_code == 0 else "origin"
    name = wanted if wanted in names else names[0] if len(names) == 1 else None
    if name is None:
        return None
    return name, await git.do(project_root, "remote", "get-url", "--push", name)


def _forge_of(provider: str | None, address: str) -> Forge | None:
    if provider is not None:
        return FORGES.get(provider)
    host = _host(address)
    return next((forge for name, forge in FORGES.items() if name in host), None)


def _host(address: str) -> str:
    """The host of a remote's address, in any of git's forms; empty for a path."""
    if "://" in address:
        return urlsplit(address).hostname or ""
    before, colon, _ = address.partition(":")
    return before.rpartition("@")[2].lower() if colon and "/" not in before else ""


async def forge_problem(git: Git, project_root: Path, target: str, provider: str | None) -> str | None:
    """Why no pull request can be opened, known before anything is done; None if it can be tried.

    Raises:
        GitError: git failed.
    """
    remote = await remote_of(git, project_root, target)
    if remote is None:
        return f"{_KEY} needs a remote to push to, and the repository has none; git remote add origin URL"
    forge = _forge_of(provider, remote[1])
    if forge is None:
        place = _host(remote[1]) or remote[1]
        known = ", ".join(FORGES)
        return f"{_KEY}: which forge serves {place!r} is not known; set integrations.git.provider to one of: {known}"
    if _program(forge) is None:
        advice = f"install it ({forge.site}) and log in, or leave create_pr out"
        return f"{_KEY} needs the program {forge.program!r}, which is not on PATH; {advice}"
    return None


def _program(forge: Forge) -> str | None:
    return shutil.which(forge.program, path=child_environment().get("PATH"))


async def open_pull_request(git: Git, project_root: Path, wanted: PullRequest, provider: str | None) -> dict[str, Any]:
    """Push the branch and open its pull request, or find the one that an earlier try opened; what was done.

    Raises:
        ForgeError: no forge, a refused push, or its program failed; doing it again is safe.
        GitError: git failed.
    """
    problem = await forge_problem(git, project_root, wanted.target, provider)
    remote = await remote_of(git, project_root, wanted.target)
    forge = None if remote is None else _forge_of(provider, remote[1])
    if problem is not None or remote is None or forge is None:
        raise ForgeError(problem or "there is no remote")
    reference = f"refs/heads/{wanted.branch}"
    pushed = await git.ask(project_root, "push", "--quiet", remote[0], f"{reference}:{reference}", keep=CREDENTIALS)
    if pushed.exit_code != 0:
        raise ForgeError(f"{wanted.branch!r} could not be pushed to {remote[0]!r}: {pushed.message}")
    calls = _Calls(git, project_root, forge, wanted)
    url = await calls.find() or await calls.create()
    report: dict[str, Any] = {
        "status": "pull_request",
        "url": url,
        "branch": wanted.branch,
        "target_branch": wanted.target,
    }
    if wanted.strategy is None:
        return report
    return report | {"auto_merge": wanted.strategy, **await calls.merge(url, wanted.strategy)}


class _Calls(NamedTuple):
    git: Git
    project_root: Path
    forge: Forge
    wanted: PullRequest

    async def _ask(self, template: tuple[str, ...], url: str = "") -> GitAnswer:
        values = {**self.wanted._asdict(), "url": url}
        arguments = [values[item[1:-1]] if item.startswith("{") else item for item in template]
        return await self.git.run_other(self.project_root, self.forge.program, arguments, keep=CREDENTIALS)

    async def find(self) -> str | None:
        """The address of the open pull request; None if there is none."""
        answer = await self._ask(self.forge.find)
        try:
            found = json_array(msgspec.json.decode(answer.out)) if answer.exit_code == 0 and answer.text else []
        except msgspec.DecodeError:
            found = []
        first = json_object(found[0]) if found else None
        return None if first is None else str(first.get(self.forge.url_key) or "") or None

    async def create(self) -> str:
        """Open it; its address.

        Raises:
            ForgeError: the program failed or printed no address.
        """
        answer = await self._ask(self.forge.create)
        words = [word for word in answer.out.split() if word.startswith(("https://", "http://"))]
        if answer.exit_code != 0 or not words:
            raise ForgeError(f"{self.forge.program} {' '.join(self.forge.create[:2])}: {answer.message}")
        return words[-1]

    async def merge(self, url: str, strategy: MergeStrategy) -> dict[str, Any]:
        """Ask for the merge; a refusal does not undo the pull request and is told."""
        answer = await self._ask((*self.forge.merge, *self.forge.strategies[strategy]), url)
        return {} if answer.exit_code == 0 else {"auto_merge": None, "auto_merge_refused": answer.message}
