"""Files as other people might write them and nobody can mean: each is refused at its place, in words that help."""

import pytest

KNOWN = """\
tools_allowlist: [make]
agents: {a: {tool: t, model: m, system_prompt: hi}}
phases:
  p: {mode: agent, agent: a, directive: d}
  c: {mode: command, command: {program: make, args: [x]}}
"""
"""Five lines that are fine; what is odd begins on the sixth."""
FINE = "workflows: [{id: w, phases: [p]}]\n"

REFUSED = {
    "indented with a tab": ("workflows:\n\t- id: w\n", "7:1: not YAML: this line is indented with a tab"),
    "a key twice": (
        "workflows:\n  - id: w\n    id: v\n",
        "8:5: duplicate key 'id'; it stands first at line 7, column 5",
    ),
    "a section twice": (FINE + "phases: {}\n", "7:1: duplicate key 'phases'; it stands first at line 3, column 1"),
    "a misspelled section": ("worklfows: []\n", "6:1: unknown top-level key 'worklfows'; did you mean 'workflows'?"),
    "a misspelled key": (
        "workflows: [{id: w, pahses: [p]}]\n",
        "6:21: unknown workflow key 'pahses'; did you mean 'phases'?",
    ),
    "a key in another case": ("workflows: [{id: w, postSuccess: {}}]\n", "did you mean 'post_success'?"),
    "a key with hyphens": (
        "workflows:\n  - id: w\n    phases: [{p: {max-rework-attempts: 3}}]\n",
        "8:19: unknown phase entry key 'max-rework-attempts'; did you mean 'max_rework_attempts'?",
    ),
    "an entry with an id": (
        "workflows:\n  - id: w\n    phases:\n      - id: p\n",
        "9:9: a phase entry is named by its key: write `- p` or `- p: {options}`, not `- id:`",
    ),
    "an entry with an id and options": (
        "workflows:\n  - id: w\n    phases:\n      - id: p\n        skip_if: []\n",
        "9:9: a phase entry has exactly one key, the phase id: write `- p:` with 'skip_if' indented below it",
    ),
    "a list of workflows as a mapping": (
        "workflows:\n  w: {phases: [p]}\n",
        "7:3: 'workflows' takes a list, not a mapping; write each one as an item: `- id: w`",
    ),
    "workflows under their old name": (
        "pipelines: []\n",
        "6:1: unknown top-level key 'pipelines'; a list of workflows stands under 'workflows:'",
    ),
    "a workflow without a list": ("id: w\n", "6:1: unknown top-level key 'id'; a workflow stands as an item of"),
    "a phase nobody defines": ("workflows: [{id: w, phases: [P]}]\n", "6:30: unknown phase 'P'; did you mean 'p'?"),
    "a phase with a space": ("workflows: [{id: w, phases: ['p ']}]\n", "6:30: unknown phase 'p '; did you mean 'p'?"),
    "a number for a phase": ("workflows: [{id: w, phases: [42]}]\n", "6:30: a phase entry is a phase id or"),
    "nothing for a phase": ("workflows:\n  - id: w\n    phases:\n      -\n", "not nothing"),
    "a target nobody has": (
        "workflows: [{id: w, phases: [{p: {on_verdict: {rework: {target: pp}}}}]}]\n",
        "6:65: unknown target 'pp'; did you mean 'p'?",
    ),
    "a target that is no mapping": (
        "workflows: [{id: w, phases: [{p: {on_verdict: {rework: p}}}]}]\n",
        "6:56: 'rework' takes a mapping, not the string 'p'",
    ),
    "a misspelled key of a model": (
        "workflows: []\nmodels: {m: {model: x, tol: y}}\n",
        "unknown model key 'tol'",
    ),
    "a mode nobody knows": (
        "  q: {mode: agnet, agent: a}\n",
        "6:13: 'mode' takes 'agent', 'command', 'manual'",
    ),
    "a misspelled agent": ("  q: {mode: agent, agent: aa}\n", "6:27: unknown agent 'aa'; did you mean 'a'?"),
    "a block of another mode": (
        "  q: {mode: manual, command: {program: x}}\n",
        "6:13: a phase of mode 'manual' needs",
    ),
    "two words for one thing": ("  q: {mode: command, command: {cmd: x}}\n", "6:32: unknown command key 'cmd'"),
    "a workflow in a workflow by another word": (
        "workflows:\n  - {id: w, phases: [{workflow: v}]}\n  - {id: v, phases: [p]}\n",
        "7:22: a workflow in a workflow is written `- workflow_ref: v`, not `- workflow:`",
    ),
    "a shell's line for a program": (
        "  q: {mode: command, command: make test}\n",
        "6:31: 'command' takes a mapping, not the string 'make test'",
    ),
    "a length in words": (
        "  q: {mode: command, command: {program: make, timeout_secs: 30m}}\n",
        "6:61: 'timeout_secs' takes a whole number (at least 0), not the string '30m'",
    ),
    "a percentage": (
        "  q: {mode: agent, agent: a, decision_contract: {min_confidence: 85}}\n",
        "6:66: 'min_confidence' takes a number (at least 0, at most 1), not the number 85",
    ),
    "an amount with its sign": (
        "workflows: [{id: w, phases: [p], budget: {max_cost_usd: $5}}]\n",
        "6:57: 'max_cost_usd' takes a number (more than 0), not the string '$5'",
    ),
    "a target of nothing": (
        "workflows: [{id: w, phases: [{p: {on_verdict: {fail: {target: ''}}}}]}]\n",
        "6:63: 'target' takes a string that is not empty",
    ),
    "workflows in a circle": (
        "workflows:\n  - {id: w, phases: [{workflow_ref: v}]}\n  - {id: v, phases: [{workflow_ref: W}]}\n",
        "7:22: the workflow contains itself: w -> v -> w",
    ),
    "a guard on an unknown field": (
        "workflows: [{id: w, phases: [{p: {skip_if: [\"task.type == 'docs'\"]}}]}]\n",
        "6:45: unknown field 'task.type'; did you mean 'task_type'?",
    ),
    "a guard in another language": (
        "workflows: [{id: w, phases: [{p: {skip_if: [\"priority == 'low' and x == 'y'\"]}}]}]\n",
        "is no comparison; write it like",
    ),
    "a truth of the old kind": (
        "workflows: []\nsecrets: {A: {env: B, required: yes}}\n",
        "7:33: 'required' takes true or false, not the string 'yes'",
    ),
    "a number that is a word": (
        "workflows: []\nmcp_servers: {s: {command: x, args: [8080]}}\n",
        "7:38: 'args' takes a string, not the number 8080; put it in quotes: \"8080\"",
    ),
    "a zone on another planet": (
        "workflows: []\ndaemon: {timezone: Mars/Base}\n",
        "7:20: unknown time zone 'Mars/Base'",
    ),
    "hours without colons": (
        "workflows: []\ndaemon: {active_hours: 2200-0600}\n",
        "7:24: 'active_hours' is '2200-0600'",
    ),
    "a minute there is not": (
        FINE + "schedules: [{id: s, cron: '61 * * * *', workflow_ref: w}]\n",
        "7:27: 'cron' is '61 * * * *': '61' is not within 0-59 in the field 'minute'",
    ),
    "a reference of the shell": (
        "workflows: []\nmodels: {m: {model: '${m%.bak}'}}\n",
        "7:21: '${m%.bak}' is no reference to an environment variable",
    ),
    "a colon in a text": (
        "workflows: [{id: w}]\nx-a: fix: the thing\n",
        "7:9: not YAML: ': ' inside of a text begins a second mapping on this line; put the text in quotes",
    ),
    "a sign at the begin of a text": ("workflows: [{id: @w}]\n", "6:18: not YAML: text may not begin with '@'"),
    "a bracket that stays open": (
        "workflows: [{id: w, phases: [p}]\n",
        "6:31: not YAML: did not find expected ',' or ']'",
    ),
    "an alias of nothing": ("workflows: *nope\n", "6:12: the alias '*nope' has no finished anchor before it"),
    "an alias of itself": ("workflows: &w\n  - *w\n", "7:5: the alias '*w' has no finished anchor before it"),
    "a merge of a number": (
        "workflows: []\nmodels: {m: {<<: 5, model: x}}\n",
        "7:18: '<<' takes a mapping or a list of mappings",
    ),
    "code in a tag": ("x-t: !!python/object/apply:os.system [ls]\n", "is not supported; remove it"),
    "two documents": (FINE + "---\nworkflows: []\n", "7:1: a second document; one file holds one document"),
    "a thousand levels": ("x-d: " + "[" * 1000 + "]" * 1000 + "\n", "6:69: nested deeper than 64 levels"),
    "a thousand levels of mappings": (
        "x-d:\n" + "".join(f"{' ' * number}a:\n" for number in range(1, 1000)),
        "nested deeper than 64 levels",
    ),
    "a billion laughs": (
        "x-0: &a0 [1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"x-{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)),
        "more than 100000 values, counting every use of an alias",
    ),
    "a control character": ("x-a: \x00\n", "6:6: the character U+0000 is not allowed in YAML"),
    "half a character": ('x-a: "\\ud800"\n', "found invalid Unicode character escape code"),
    "a no-break space": ("workflows:\n\u00a0 - {id: w}\n", "7:1: unknown top-level key"),
}
"""What it is: what is written, and what is said (with line and column where those are certain)."""


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_odd_file_is_refused_at_its_place(project, text, said):
    project.write(".animus/workflows.yaml", KNOWN + text)
    errors = [found for found in project.load().diagnostics if found.severity == "error"]
    texts = [f"{found.position}: {found.message}" for found in errors]
    assert any(said in text for text in texts), texts
    assert all(found.position.line and found.position.column for found in errors), texts


def test_what_is_not_text_is_refused_with_what_it_looks_like(project):
    project.write(".animus/workflows.yaml", FINE)
    (project.root / ".animus/workflows.yaml").write_bytes((KNOWN + FINE).encode("utf-16"))
    (found,) = project.load().diagnostics
    assert (
        str(found) == ".animus/workflows.yaml:1:1: error: not UTF-8 text (it looks like UTF-16); save the file as UTF-8"
    )


def test_files_that_look_like_definitions_and_are_not_read_are_named(project):
    project.write(".animus/workflows.yaml", KNOWN + FINE)
    for name in ("workflows.yml", "workflows/A.YAML", "workflows/deeper/b.yaml", "workflows/notes.md"):
        project.write(f".animus/{name}", FINE)
    project.write(".animus/workflows/c.yml", "workflows: [{id: v, phases: [c]}]\n")
    loaded = project.load()
    assert set(loaded.config.workflows) == {"w", "v"}
    named = [found.position.file for found in loaded.diagnostics if "is not read" in found.message]
    assert named == [".animus/workflows.yml", ".animus/workflows/A.YAML", ".animus/workflows/deeper/b.yaml"]


def test_faulty_hours_of_the_daemon_reach_no_schedule(project):
    faulty = "daemon: {active_hours: late, timezone: Europe/Berlin}\nschedules: [{id: s, every: 1h, workflow_ref: w}]\n"
    project.write(".animus/workflows.yaml", KNOWN + FINE + faulty)
    (schedule,) = project.load().config.schedules
    assert (schedule.active_hours, schedule.timezone) == (None, "Europe/Berlin")


def test_one_bad_definition_leaves_the_others_of_its_file_usable(project):
    bad = "workflows:\n  - {id: w, phases: [p]}\n  - {id: v, phases: [nope]}\n  - {id: u, pahses: [c]}\n  - just text\n"
    project.write(".animus/workflows.yaml", KNOWN + bad)
    loaded = project.load()
    assert (set(loaded.config.workflows), set(loaded.config.disabled)) == ({"w"}, {"v", "u"})


KEYS = {"on": "on", "no": "no", "404": "404", "~": "~", "Needs Info": "needs info", "REWORK": "rework"}


def test_keys_of_verdicts_stay_the_words_that_were_written(project):
    routes = ", ".join(f"{key}: {{target: c}}" for key in KEYS)
    project.write(
        ".animus/workflows.yaml", KNOWN + f"workflows: [{{id: w, phases: [{{p: {{on_verdict: {{{routes}}}}}}}, c]}}]\n"
    )
    loaded = project.load()
    assert [str(found) for found in loaded.diagnostics if found.severity == "error"] == []
    assert set(loaded.config.workflows["w"].phases[0].on_verdict) == set(KEYS.values())
