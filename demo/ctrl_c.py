"""Interrupting async operations using Ctrl-C: real signals, sent to a child process of the demo."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .stage import PATIENCE, Stage, fetch_value

TITLE = "Interrupting async operations using Ctrl-C"
SOON = 5.0


def blocking(stage: Stage) -> None:
    """Ctrl-C during a query on a normal connection, in the main thread."""
    out = stage.out
    out.code("""
        conn.execute("SELECT pg_sleep(60)")   # and now a Ctrl-C: SIGINT to the process
        conn.rollback()
    """)
    facts = interrupt(stage, "sync")
    out.equal("KeyboardInterrupt is raised", facts.get("raised"), "KeyboardInterrupt")
    out.check(f"within {SOON:.0f} seconds, not 60", facts.get("seconds", 60) < SOON, facts.get("seconds"))
    out.check("the query is cancelled on the server", facts["cancelled"])
    out.equal("the connection is in error state", facts.get("status"), "INERROR")
    out.equal("which refuses statements", facts.get("refused"), "InFailedSqlTransaction")
    out.equal("after rollback() it works again", facts.get("answer"), 42)


def add_signal_handler(stage: Stage) -> None:
    """The same on asyncio: loop.add_signal_handler(signal.SIGINT, conn.cancel)."""
    out = stage.out
    out.code(f"""
        async with await {stage.name}.AsyncConnection.connect(dsn) as conn:
            loop.add_signal_handler(signal.SIGINT, conn.cancel)
            await conn.execute("SELECT pg_sleep(60)")   # and now a Ctrl-C
    """)
    facts = interrupt(stage, "asyncio")
    out.equal("the query ends with QueryCanceled", facts.get("raised"), "QueryCanceled")
    out.check(f"within {SOON:.0f} seconds, not 60", facts.get("seconds", 60) < SOON, facts.get("seconds"))
    out.check("the query is cancelled on the server", facts["cancelled"])
    out.equal("the connection is in error state", facts.get("status"), "INERROR")
    out.equal("after rollback() it works again", facts.get("answer"), 42)


def cancel_task(stage: Stage) -> None:
    """Cancelling the task cancels the query on the server."""
    out = stage.out
    out.code("""
        task = asyncio.create_task(conn.execute("SELECT pg_sleep(60)"))
        task.cancel()
    """)
    facts = stage.run(cancelled_task(stage))
    out.got(facts)
    out.check("the task ends with CancelledError", facts["raised"])
    out.check(f"within {SOON:.0f} seconds, not 60", facts["seconds"] < SOON, facts["seconds"])
    out.check("the query is cancelled on the server", facts["cancelled"])
    out.equal("after rollback() the connection works", facts["answer"], 42)


async def cancelled_task(stage: Stage) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    async with await stage.aconnect() as conn:
        pid = conn.info.backend_pid
        task = asyncio.ensure_future(conn.execute("SELECT pg_sleep(60)"))
        await loop.run_in_executor(None, stage.wait_asleep, pid)
        started, raised = time.monotonic(), False
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            raised = True
        seconds = time.monotonic() - started
        cancelled = await loop.run_in_executor(None, stage.wait_awake, pid)
        await conn.rollback()
        answer = await fetch_value(conn, "SELECT 42")
    return {"raised": raised, "seconds": round(seconds, 3), "cancelled": cancelled, "answer": answer}


def interrupt(stage: Stage, mode: str) -> dict[str, Any]:
    """Start a child that runs a query, send it SIGINT once the server is at it, and gather what it says."""
    command = [sys.executable, "-m", "demo.ctrl_c_child", stage.name, mode]
    environ = {**os.environ, "HOWDAH_DEMO_DSN": stage.dsn}
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ, cwd=root) as child:
        try:
            assert child.stdout is not None
            facts: dict[str, Any] = json.loads(child.stdout.readline())
            stage.out.say(f"Process {child.pid} runs the query in the server's process {facts['backend']}.")
            stage.wait_asleep(facts["backend"])
            started = time.monotonic()
            child.send_signal(signal.SIGINT)
            stage.out.say(f"SIGINT sent to process {child.pid}.")
            facts["cancelled"] = stage.wait_awake(facts["backend"])
            facts.update(hear_out(stage, child, started))
        finally:
            child.kill()
    return facts


def hear_out(stage: Stage, child: subprocess.Popen[str], started: float) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    assert child.stdout is not None
    for line in child.stdout:
        told = json.loads(line)
        if "raised" in told:
            told["seconds"] = round(time.monotonic() - started, 3)
        stage.out.got(", ".join(f"{k}: {v}" for k, v in told.items()))
        facts.update(told)
    facts["exit"] = child.wait(PATIENCE)
    return facts


PARTS = [blocking, add_signal_handler, cancel_task]
