import pytest

from animus_scripted_api import (
    CallTool,
    Drop,
    Fail,
    Junk,
    Reply,
    Request,
    Say,
    ScriptError,
    Stall,
    StreamFail,
    Think,
    Truncate,
    Usage,
    load_script,
    parse_script,
)


def _replies(script, count):
    request = Request(1, "POST", "/v1/messages", {}, b'{"model": "m"}')
    return [script.next_reply(request) for _ in range(count)]


def test_every_step_can_be_written():
    script = parse_script(
        """{"turns": [
          {"say": "a", "usage": {"input": 5}}, {"think": "b"}, {"call_tool": "shell", "arguments": {"command": "ls"}},
          {"fail": 429, "retry_after": 1, "body": {"x": 1}}, {"stream_fail": "c"}, {"stall": 1.5}, {"drop": true},
          {"truncate": 9, "clean": true}, {"junk": "d", "status": 502}, {"steps": [{"say": "e"}, {"stall": 1}]}]}"""
    )
    assert _replies(script, 10) == [
        Reply((Say("a"),), Usage(input=5)),
        Reply((Think("b"),)),
        Reply((CallTool("shell", {"command": "ls"}),)),
        Reply((Fail(429, {"x": 1}, 1),)),
        Reply((StreamFail("c"),)),
        Reply((Stall(1.5),)),
        Reply((Drop(),)),
        Reply((Truncate(9, clean=True),)),
        Reply((Junk("d", 502),)),
        Reply((Say("e"), Stall(1))),
    ]


def test_conversations_have_conditions():
    script = parse_script(
        '{"conversations": [{"when": {"model": "other"}, "turns": []},'
        ' {"when": {"model": "m", "has_tools": false}, "times": 1, "repeat_last": true, "turns": [{"say": "x"}]}]}'
    )
    assert _replies(script, 2) == [Reply((Say("x"),))] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"script: not JSON: .* line 1 column 2"),
        ("[]", r"script: must be an object"),
        ("{}", r"script: no 'turns'"),
        (
            '{"conversations": [{"when": {"dialect": "messages"}, "turns": []}]}',
            r"when.dialect must be one of anthropic, chat, responses, other, not 'messages'",
        ),
        ('{"turns": 1}', r"script: turns must be a list, not 1"),
        ('{"turn": []}', r"script: unknown key 'turn'; known are 'turns', 'repeat_last'; did you mean 'turns'\?"),
        (
            '{"turns": [{"sai": "x"}]}',
            r"script: turns\[0\]: a step has exactly one of .* has 'sai'; did you mean 'say'",
        ),
        ('{"turns": [{"say": "x", "stall": 1}]}', r"script: turns\[0\]: a step has exactly one of .* 'say', 'stall'"),
        ('{"turns": [{"say": 1}]}', r"script: turns\[0\].say must be str, not 1"),
        ('{"turns": [{"stall": true}]}', r"script: turns\[0\].stall must be float, not True"),
        ('{"turns": [{"drop": 1}]}', r"script: turns\[0\].drop must be true"),
        ('{"turns": [{"fail": 500, "retry": 1}]}', r"script: turns\[0\]: unknown key 'retry'; .* mean 'retry_after'"),
        ('{"turns": [{"steps": [{"say": "x"}, {"think": []}]}]}', r"script: turns\[0\].steps\[1\].think must be str"),
        ('{"turns": [{"say": "x", "usage": {"in": 1}}]}', r"script: turns\[0\].usage: unknown key 'in'"),
        ('{"conversations": [{"turns": [], "times": 0}]}', r"conversations\[0\].times must be a number"),
        ('{"conversations": [{"turns": [], "when": {"modell": 1}}]}', r"conversations\[0\].when: unknown key 'modell'"),
    ],
)
def test_script_that_cannot_be_meant_names_the_place(text, message):
    with pytest.raises(ScriptError, match=message):
        parse_script(text)


def test_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ScriptError, match=r"script '.*none.json' cannot be read"):
        load_script(tmp_path / "none.json")


def test_errors_in_a_file_name_the_file(tmp_path):
    (tmp_path / "s.json").write_text('{"turns": [{}]}')
    with pytest.raises(ScriptError, match=r"s.json: turns\[0\]: .* this one has nothing"):
        load_script(tmp_path / "s.json")
