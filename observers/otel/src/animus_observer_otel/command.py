"""``animus-observer-otel``: watch the daemon of a project, export what happens."""

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from animus_control.client import ControlClient
from animus_control.errors import ControlError
from animus_control.project import Project, find_project
from animus_observer_otel.cursor import CursorError, CursorFile
from animus_observer_otel.export import Export, OtlpExport, resource_of
from animus_observer_otel.feed import DaemonFeed
from animus_observer_otel.measure import Levels, Measure
from animus_observer_otel.observer import Observer

__all__ = ["main"]

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_LEVEL_SECONDS = 5.0
_QUEUE_STATUSES = ("pending", "assigned", "held")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit code.

    Returns:
        0 when everything that was read is exported, 1 when not, 2 when it cannot begin.
    """
    options = _parser().parse_args(argv)
    if options.endpoint:
        os.environ[_ENDPOINT] = options.endpoint
    # What an exporter has to say of each try is said by us, once.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    project = find_project(options.project)
    path = options.cursor or project.state_dir / "observer-otel" / "cursor.json"
    try:
        with CursorFile(path) as cursor_file:
            return _observe(project, cursor_file, options)
    except CursorError as error:
        _say(str(error))
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="animus-observer-otel",
        description="Export the runs of a project as OpenTelemetry traces, metrics and logs (OTLP over HTTP). The"
        " OTEL_EXPORTER_OTLP_* variables say where to and how.",
    )
    parser.add_argument("--project", type=Path, default=Path.cwd(), help="a folder of the project (here)")
    parser.add_argument("--endpoint", help=f"the collector; otherwise {_ENDPOINT}, or http://localhost:4318")
    parser.add_argument("--cursor", type=Path, help="file that remembers how far the export is")
    parser.add_argument("--interval", type=float, default=15.0, help="seconds between two exports of metrics (15)")
    parser.add_argument("--once", action="store_true", help="export what is recorded, then end")
    parser.add_argument(
        "--include-content",
        action="store_true",
        help="send notes, questions and live output as well (never by default)",
    )
    return parser


def _observe(project: Project, cursor_file: CursorFile, options: argparse.Namespace) -> int:
    resource = resource_of(project.repo_scope, os.environ)
    collector = OtlpExport(resource, include_content=options.include_content)
    measure = Measure(resource, options.interval)
    feed = DaemonFeed(project, cursor_file.load().position, follow=not options.once, say=_say)
    observer = Observer(
        feed,
        Export(collector),
        measure,
        cursor_file,
        ask_levels=lambda: levels_of(project),
        monotonic=time.monotonic,
        say=_say,
        include_content=options.include_content,
    )

    def stop(_number: int, _frame: object) -> None:
        observer.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    _say(f"observes {project.root}")
    feed.start()
    try:
        is_complete = observer.run(once=options.once)
    finally:
        feed.close()
        measure.close()
        collector.close()
    if not is_complete:
        _say("the collector did not take everything; what is missing is exported by the next run")
    return 0 if is_complete and feed.was_connected else 1


def levels_of(project: Project) -> Levels:
    """What the daemon says of itself now."""
    try:
        client = ControlClient.connect(project)
        if client is None:
            return Levels()
        with client:
            stats = client.call("queue/stats", timeout_seconds=_LEVEL_SECONDS)
            status = client.call("daemon/status", timeout_seconds=_LEVEL_SECONDS)
    except ControlError:
        return Levels()
    depth = {name: getattr(stats, name) for name in _QUEUE_STATUSES if hasattr(stats, name)}
    return Levels(True, depth, status.active_runs, status.parked_runs)  # noqa: FBT003 - `is_up` is the first field


def _say(text: str) -> None:
    print(f"animus-observer-otel: {text}", file=sys.stderr, flush=True)  # noqa: T201 - a command speaks
