"""Secrets by value: in text, in structures, in streams cut anywhere, and in everything a run keeps."""

import itertools
import random

import pytest

from animus_workflow_runner_default.phases.redaction import MASK, Redactor

VALUE = 'hunter2-päss"word\nline'


def streamed(redactor: Redactor, data: bytes, cuts: list[int]) -> bytes:
    out: list[bytes] = []
    stream = redactor.stream(out.append)
    assert stream is not None
    edges = [0, *sorted(cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        stream.write(data[start:end])
    stream.close()
    return b"".join(out)


def test_value_is_masked_wherever_it_stands_and_in_its_json_form():
    redactor = Redactor([VALUE])
    assert redactor.text(f"a{VALUE}b{VALUE}") == f"a{MASK}b{MASK}"
    assert redactor.text('{"x": "hunter2-päss\\"word\\nline"}') == f'{{"x": "{MASK}"}}'
    assert redactor.value({VALUE: [VALUE, 1, None]}) == {MASK: [MASK, 1, None]}


def test_value_that_is_too_short_is_left_and_no_values_cost_nothing():
    assert not Redactor(["abc", ""])
    assert Redactor(["abc"]).stream(print) is None


def test_longer_secret_wins_over_one_that_begins_it():
    redactor = Redactor(["abcd", "abcdefgh"])
    assert redactor.text("abcdefgh abcd") == f"{MASK} {MASK}"


@pytest.mark.parametrize("seed", range(50))
def test_stream_is_masked_as_the_whole_would_be_however_it_is_cut(seed):
    choice = random.Random(seed)  # noqa: S311 - reproducible, not secret
    secrets = ["abab", "ababcd", "cdab-longer", "x" * 40]
    redactor = Redactor(secrets)
    pieces = [choice.choice([*secrets, "a", "ab", "cd", "-", "x" * choice.randint(1, 39)]) for _ in range(30)]
    data = "".join(pieces).encode()
    cuts = [choice.randint(0, len(data)) for _ in range(choice.randint(0, 25))]
    assert streamed(redactor, data, cuts) == redactor.data(data)


FLOW = """
tools_allowlist: [sh]
secrets: {token: {env: THE_TOKEN}, spare: {env: NOT_SET, required: false}}
workflows: [{id: w, phases: [leak]}]
phases:
  leak:
    mode: command
    retry: {max_attempts: 0}
    command:
      program: sh
      env: {TOKEN: "Bearer ${secret.token}", SPARE: "${secret.spare}"}
      args: [-c, "SCRIPT"]
"""
LEAK = "printf 'got %s|%s ' $TOKEN $SPARE; printf s3cr; sleep 0.2; printf et-value; echo $TOKEN >&2; exit 3"


def test_secret_that_a_program_prints_is_in_nothing_that_is_kept(start_host, define, state_dir, project):
    define(FLOW.replace("SCRIPT", LEAK.replace("$", "$$")))
    host = start_host(extra={"THE_TOKEN": "s3cret-value"})
    number = host.begin_execute("w", workflow_id="s1")
    result = host.finish(number)
    assert result["workflow_status"] == "escalated"
    assert MASK in result["reason"]
    told = [str(result), str(host.progress[number]), str(host.call("journal/events", {"run_id": "s1"}))]
    told.append(str(host.call("journal/load", {"workflow_id": "s1"})))
    assert not any("s3cret-value" in text for text in told)
    host.close()
    kept = [path for path in state_dir.rglob("*") if path.is_file()]
    assert any(path.name.endswith("stdout.log") for path in kept)
    assert [path.name for path in kept if b"s3cret-value" in path.read_bytes()] == []
    log = next(path for path in kept if path.name.endswith("stdout.log")).read_text()
    assert log.count(MASK) == 2


def test_required_secret_that_is_not_set_is_said_before_the_first_phase(host, define, project):
    define(FLOW.replace("SCRIPT", ": > ran"))
    result = host.execute("w", workflow_id="s2")
    assert (result["workflow_status"], result["phase_results"]) == ("failed", [])
    assert "the secret 'token' is required and its variable 'THE_TOKEN' is not set" in result["reason"]
    assert not (project / "ran").exists()


def test_secret_that_no_phase_of_the_workflow_uses_need_not_be_set(host, define):
    define(
        "tools_allowlist: [sh]\nsecrets: {token: {env: THE_TOKEN}}\nworkflows: [{id: w, phases: [p]}]\n"
        "phases: {p: {mode: command, command: {program: sh, args: [-c, ':']}}}\n"
    )
    assert host.execute("w", workflow_id="s3")["workflow_status"] == "completed"
