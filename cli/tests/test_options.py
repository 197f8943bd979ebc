import datetime
from typing import Annotated

import click
import pytest
from msgspec import Meta, inspect

from animus_cli.failure import CommandError
from animus_cli.options import bindings, params_from
from animus_control.operations import OPERATIONS, Operation, Place
from animus_plugin_protocol.wire.presence import Wire
from animus_plugin_protocol.wire.subject import SubjectStatus

FOR_OTHER_CLIENTS = {"actor", "subject_dispatch", "task_id", "trigger_source"}
WITH_COMMAND = [operation for operation in OPERATIONS.values() if operation.command]


def typed(name, *words):
    operation = OPERATIONS[name]
    bound = bindings(operation)
    command = click.Command("x", params=[binding.parameter for binding in bound], callback=lambda **values: values)
    with command.make_context("x", list(words)) as context:
        return params_from(operation, bound, command.invoke(context))


@pytest.mark.parametrize("operation", WITH_COMMAND, ids=lambda operation: operation.name)
def test_every_param_of_an_operation_is_reachable(operation):
    reachable = {binding.field for binding in bindings(operation)}
    fields = {field.name for field in inspect.type_info(operation.params).fields}
    assert fields - reachable <= FOR_OTHER_CLIENTS
    assert set(operation.arguments) <= reachable
    assert {field for field, _ in operation.flags} <= reachable


@pytest.mark.parametrize("operation", WITH_COMMAND, ids=lambda operation: operation.name)
def test_no_two_params_share_a_spelling(operation):
    spellings = [option for binding in bindings(operation) for option in binding.parameter.opts]
    assert len(spellings) == len(set(spellings))
    assert not {"--json", "--project-root", "--help"} & set(spellings)


def test_fields_that_are_not_given_keep_their_defaults():
    params = typed("queue/enqueue", "--subject", "task:TASK-001")
    assert params == OPERATIONS["queue/enqueue"].params(subject="task:TASK-001")


def test_every_form_of_a_value_is_read():
    params = typed(
        "queue/enqueue",
        *("--subject-id", "task:T-1", "--workflow", "check", "--var", "a=1", "--var", "b=x=y"),
        *("--input-json", '{"n": [1]}', "--expire-after-secs", "60"),
    )
    assert params.subject == "task:T-1"
    assert params.workflow_ref == "check"
    assert params.vars == {"a": "1", "b": "x=y"}
    assert params.input == {"n": [1]}
    assert params.expire_after_secs == 60


def test_lists_are_repeated_or_separated_by_commas():
    params = typed("subject/list", "--status", "ready,in_progress", "--status", "Done")
    assert params.status == [SubjectStatus.READY, SubjectStatus.IN_PROGRESS, SubjectStatus.DONE]


def test_moments_are_read():
    params = typed("daemon/events", "--since", "2026-01-02T03:04:05Z", "--follow")
    assert params.since == datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    assert params.follow is True


def test_an_optional_argument_may_be_given_by_name():
    assert typed("workflow/run", "check").definition == "check"
    assert typed("workflow/run", "--workflow", "check").definition == "check"
    assert typed("workflow/run").definition is None


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("queue/enqueue", ["--var", "x"], "'x' is not NAME=VALUE"),
        ("queue/enqueue", ["--var", "x=1", "--var", "x=2"], "'x' is given twice"),
        ("queue/enqueue", ["--input-json", "{"], "not JSON"),
        ("queue/enqueue", ["--expire-after-secs", "0"], "0 is not in the range"),
        ("subject/create", ["--title", "t", "--priority", "urgent"], "'urgent' is not one of critical, high"),
        ("subject/create", ["--title", "t", "--status", "redy"], "Did you mean 'ready'?"),
        ("subject/create", [], "Missing option '--title'"),
        ("workflow/get", [], "Missing argument 'ID'"),
    ],
)
def test_a_bad_value_names_the_option_and_what_is_wrong(name, words, message):
    with pytest.raises(click.UsageError) as caught:
        typed(name, *words)
    assert message in caught.value.format_message()


def test_one_field_given_in_two_spellings_is_refused():
    with pytest.raises(CommandError, match="given twice"):
        typed("workflow/run", "check", "--workflow", "other")


def test_what_only_the_struct_can_judge_is_refused_by_it():
    with pytest.raises(CommandError, match="daemon events: Invalid RFC3339"):
        typed("daemon/events", "--since", "yesterday")


def test_a_field_that_cannot_be_typed_is_an_error_of_the_author():
    class Odd(Wire, kw_only=True):
        pair: Annotated[tuple[int, int], Meta(description="Two numbers.")]

    with pytest.raises(TypeError, match="'pair'"):
        bindings(Operation("x/y", ("x",), Odd, Odd, Place.LOCAL, "x:y", "x"))
