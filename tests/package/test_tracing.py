"""The example with OpenTelemetry: spans as the semantic conventions want them, in the right place."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from support.doors import Door, howdah_alone

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "python" / "tracing.py"

pytestmark = howdah_alone


class Traced:
    """Has the example's hook make spans, and keeps them."""

    def __init__(self, example: ModuleType) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.hook = example.Tracing(self.provider)
        self.tracer = self.provider.get_tracer("test")

    def spans(self) -> tuple[ReadableSpan, ...]:
        spans = self.exporter.get_finished_spans()
        self.exporter.clear()
        return spans


@pytest.fixture
def traced(driver: ModuleType) -> Iterator[Traced]:
    spec = importlib.util.spec_from_file_location("tracing_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    from howdah import hooks

    traced = Traced(example)
    hooks.add_query_hook(traced.hook)
    yield traced
    hooks.remove_query_hook(traced.hook)


async def test_attributes(door: Door, traced: Traced) -> None:
    conn = await door.connect(autocommit=True)
    traced.spans()
    await conn.execute("select %s::text as x", ["hidden"])
    [span] = traced.spans()
    assert span.name == f"SELECT {conn.info.dbname}"
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes or {}) == {
        "db.system.name": "postgresql",
        "db.namespace": conn.info.dbname,
        "db.operation.name": "SELECT",
        "db.query.text": "select %s::text as x",
        "db.response.returned_rows": 1,
        "server.address": conn.info.host,
        "server.port": conn.info.port,
    }


async def test_errors(door: Door, traced: Traced) -> None:
    conn = await door.connect(autocommit=True)
    traced.spans()
    with pytest.raises(door.errors.DivisionByZero):
        await conn.execute("select 1/0")
    with pytest.raises(TypeError):
        await conn.execute(42)
    server, client = traced.spans()
    known: Any = server.attributes
    assert (known["error.type"], known["db.response.status_code"]) == ("22012", "22012")
    assert server.status.status_code is StatusCode.ERROR
    known = client.attributes
    assert known["error.type"] == "builtins.TypeError"
    assert "db.response.status_code" not in known


async def test_spans_nest(door: Door, traced: Traced) -> None:
    conn = await door.connect(autocommit=True)
    await conn.execute("create temp table t (a int)")
    traced.spans()
    with traced.tracer.start_as_current_span("request") as request:
        await conn.cursor().executemany("insert into t values (%s)", [(1,), (2,)])
        async with conn.pipeline():
            await conn.execute("select 1")
        stream = conn.cursor().stream("select a from t")
        with traced.tracer.start_as_current_span("rows") as inner:
            await anext(stream)
        async for _ in stream:
            pass
        async with conn.cursor().copy("copy t to stdout") as copy:
            await copy.read()
    spans = {span.name.split()[0]: span for span in traced.spans() if span.name.split()[0] not in ("request", "rows")}
    assert set(spans) == {"INSERT", "SELECT", "SYNC", "COPY"}
    parents = {name: span.parent and span.parent.span_id for name, span in spans.items()}
    outer = request.get_span_context().span_id
    assert parents == {"INSERT": outer, "SELECT": inner.get_span_context().span_id, "SYNC": outer, "COPY": outer}
    known: Any = spans["INSERT"].attributes
    assert known["db.operation.batch.size"] == 2
