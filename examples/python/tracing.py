"""Tracing: a hook makes a span of OpenTelemetry for each operation, with the attributes of its semantic conventions.

Needs `opentelemetry-api`, and for `main()` `opentelemetry-sdk`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

import howdah
from howdah import hooks
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util.types import AttributeValue

DSN = os.environ.get("HOWDAH_DSN", "")

STATEMENTS = {"execute", "executemany", "stream", "copy"}
"""The kinds of operations whose statement is the program's own."""


class Tracing:
    """A hook that makes spans. They are children of the span in which the operation is asked for."""

    def __init__(self, provider: trace.TracerProvider | None = None) -> None:
        self.tracer = trace.get_tracer("howdah", howdah.__version__, provider)

    def __call__(self, event: hooks.QueryEvent) -> Callable[[hooks.QueryOutcome], None]:
        operation = event.kind.upper()
        if event.kind in STATEMENTS:
            operation = next(iter(event.statement.split()), operation).upper()
        name = f"{operation} {event.dbname}".rstrip()
        span = self.tracer.start_span(name, kind=trace.SpanKind.CLIENT, attributes=attributes(event, operation))

        def end(outcome: hooks.QueryOutcome) -> None:
            if outcome.error is not None:
                error = type(outcome.error)
                span.set_attribute("error.type", outcome.sqlstate or f"{error.__module__}.{error.__qualname__}")
                span.set_status(trace.StatusCode.ERROR, str(outcome.error))
            if outcome.sqlstate:
                span.set_attribute("db.response.status_code", outcome.sqlstate)
            if outcome.status and outcome.status.startswith(("SELECT", "FETCH")):
                span.set_attribute("db.response.returned_rows", outcome.rowcount)
            span.end()

        return end


def attributes(event: hooks.QueryEvent, operation: str) -> dict[str, AttributeValue]:
    """What is known of an operation when it begins. Values of parameters are not among it."""
    known: dict[str, AttributeValue | None] = {
        "db.system.name": "postgresql",
        "db.namespace": event.dbname or None,
        "db.operation.name": operation,
        "db.operation.batch.size": event.batch_size,
        "db.query.text": event.statement or None,
        "server.address": event.host or None,
        "server.port": event.port,
    }
    return {name: value for name, value in known.items() if value is not None}


def main() -> None:
    """Trace a small program, and print its spans."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    hook = Tracing(provider)
    hooks.add_query_hook(hook)
    with howdah.connect(DSN, autocommit=True) as conn, provider.get_tracer("shop").start_as_current_span("order"):
        conn.execute("SELECT %s::text", ["not told"])
        with conn.transaction():
            conn.execute("CREATE TEMP TABLE item (id int UNIQUE)")
            conn.cursor().executemany("INSERT INTO item VALUES (%s)", [(1,), (2,)])
        with suppress(howdah.errors.UniqueViolation):
            conn.execute("INSERT INTO item VALUES (1)")
    hooks.remove_query_hook(hook)

    spans = exporter.get_finished_spans()
    order = next(span for span in spans if span.name == "order")
    for span in spans:
        told = dict(span.attributes or {})
        is_within = span.parent is not None and span.parent.span_id == order.context.span_id
        line = "  " * is_within + str(told.get("db.operation.name", span.name))
        if text := told.get("db.query.text"):
            line += f": {text}"
        if error := told.get("error.type"):
            line += f" - {error}"
        print(line)


if __name__ == "__main__":
    main()
