"""The peers of ``runner_step.py``: durable steps of LangGraph and DBOS, both on SQLite.

Run by that bench with the Python of the peers' own environment: ``runner_step_peers.py PEER empty|true RUNS STEPS
FOLDER`` prints the seconds of the steps. Both run them in their own process, so that none of these rows crosses a pipe.
LangGraph syncs its checkpoint after each step (``durability="sync"``); DBOS writes the output of each step before it
goes on. What they set of SQLite's own settings is printed.
"""

import json
import logging
import operator
import sqlite3
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypedDict

SYNCHRONOUS = ("off", "normal", "full", "extra")


def step(kind: str) -> None:
    """What a step does."""
    if kind == "true":
        subprocess.run(["/bin/true"], check=True)


def langgraph(kind: str, runs: int, steps: int, folder: Path) -> tuple[list[float], str]:
    """A node that leads to itself, one checkpoint a superstep."""
    from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: PLC0415 - one peer at a time
    from langgraph.graph import END, START, StateGraph  # noqa: PLC0415

    class State(TypedDict):
        number: Annotated[int, operator.add]

    marks: list[float] = []

    def node(_state: State) -> dict[str, int]:
        marks.append(time.perf_counter())
        step(kind)
        return {"number": 1}

    connection = sqlite3.connect(folder / "langgraph.db", check_same_thread=False)
    graph = StateGraph(State)
    graph.add_node("step", node)
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda state: "step" if state["number"] < steps else END)
    compiled = graph.compile(checkpointer=SqliteSaver(connection))
    seconds: list[float] = []
    for number in range(runs):
        config: Any = {"configurable": {"thread_id": str(number)}, "recursion_limit": steps + 10}
        marks.clear()
        compiled.invoke({"number": 0}, config, durability="sync")
        seconds += _between(marks)
    said = _settings(connection)
    connection.close()
    return seconds, said


def dbos(kind: str, runs: int, steps: int, folder: Path) -> tuple[list[float], str]:
    """A workflow of steps."""
    from dbos import DBOS  # noqa: PLC0415 - one peer at a time

    logging.disable(logging.CRITICAL)
    path = folder / "dbos.db"
    config: Any = {"name": "bench", "system_database_url": f"sqlite:///{path}", "run_admin_server": False}
    DBOS(config=config)
    marks: list[float] = []

    @DBOS.step()
    def one() -> None:
        marks.append(time.perf_counter())
        step(kind)

    @DBOS.workflow()
    def flow() -> None:
        for _ in range(steps):
            one()

    DBOS.launch()
    seconds: list[float] = []
    for _ in range(runs):
        marks.clear()
        flow()
        seconds += _between(marks)
    said = _engine_settings()
    DBOS.destroy()
    return seconds, said


def _between(marks: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(marks)]


def _settings(connection: sqlite3.Connection) -> str:
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    return f"journal_mode {mode}, synchronous {SYNCHRONOUS[connection.execute('PRAGMA synchronous').fetchone()[0]]}"


def _engine_settings() -> str:
    """Of DBOS's own connections: these settings belong to a connection, not to the file."""
    from dbos._dbos import _get_dbos_instance  # noqa: PLC0415 - one peer at a time

    engine = _get_dbos_instance()._sys_db.engine  # noqa: SLF001 - nothing else holds the connections
    with engine.connect() as connection:
        return _settings(connection.connection.driver_connection)


def main() -> None:
    """Measure one peer."""
    peer, kind, runs, steps, folder = sys.argv[1:]
    seconds, settings = {"langgraph": langgraph, "dbos": dbos}[peer](kind, int(runs), int(steps), Path(folder))
    print(json.dumps({"seconds": seconds, "settings": settings}))


if __name__ == "__main__":
    main()
