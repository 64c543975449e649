"""Operations written once, for synchronous and asynchronous connections.

Such an operation is a generator: it yields what the methods of a connection or a cursor return, and goes on with what
they give. That is the value itself on a synchronous connection, and an awaitable of it on an asynchronous one.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Steps: TypeAlias = Generator[Any, Any, T]


def run(steps: Steps[T]) -> T:
    """Run an operation on a synchronous connection."""
    value = None
    while True:
        try:
            value = steps.send(value)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # the generator's own result


async def run_async(steps: Steps[T]) -> T:
    """Run an operation on an asynchronous connection."""
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            step = steps.send(value) if error is None else steps.throw(error)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # the generator's own result
        finally:
            # An exception that its own frame holds would keep the connection until the collector comes.
            value, error = None, None
        try:
            value = await step
        except BaseException as caught:
            error = caught


def within(manager: Any, steps: Steps[T]) -> Steps[T]:
    """Run an operation as the block of a `with` or `async with` statement.

    The manager may not swallow exceptions.
    """
    is_async = hasattr(manager, "__aenter__")
    enter, leave = (manager.__aenter__, manager.__aexit__) if is_async else (manager.__enter__, manager.__exit__)
    yield enter()
    try:
        result = yield from steps
    except BaseException as error:
        yield leave(type(error), error, error.__traceback__)
        raise
    yield leave(None, None, None)
    return result
