"""Run the examples of one page of the manual: manual_page.py PAGE. Prints how many blocks ran.

The blocks run in order in one namespace, and may await. `# -> text` behind an expression is its repr, `# raises Name`
behind a statement the class of its exception. A block fenced as `python no-run` is only compiled; one as
`python from-3.14` runs from that version on.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FENCE = re.compile(r"^```python( no-run| from-3\.14)?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PROMISE = re.compile(r"#\s*(->|raises)\s+(.*?)\s*$")


class Promises(ast.NodeTransformer):
    """Turns the comments into checks."""

    def __init__(self, source: str) -> None:
        found = ((n, PROMISE.search(line)) for n, line in enumerate(source.splitlines(), 1))
        self.left = {n: (m[1], m[2]) for n, m in found if m}

    def visit(self, node: ast.AST) -> Any:
        if not isinstance(node, ast.stmt) or hasattr(node, "body"):
            return self.generic_visit(node)
        kind, text = self.left.pop(node.end_lineno or 0, ("", ""))
        if kind == "->":
            assert isinstance(node, ast.Expr), f"no expression is before '-> {text}'"
            node.value = call("__equal__", node.value, ast.Constant(text))
        elif kind == "raises":
            block = ast.With([ast.withitem(call("__raises__", ast.Constant(text)))], [node])
            return ast.copy_location(block, node)
        return node


def call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def equal(value: object, text: str) -> None:
    assert repr(value) == text, f"{value!r} is not {text}"


@contextlib.contextmanager
def raises(name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if name not in [c.__name__ for c in type(error).__mro__]:
            raise AssertionError(f"{error!r} is no {name}") from error
    else:
        raise AssertionError(f"no {name}")


def main(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text.count("\n```python") == len(FENCE.findall(text)), "a block that cannot be read"
    namespace: dict[str, Any] = vars(sys.modules["__main__"])
    namespace |= {"__equal__": equal, "__raises__": raises}
    loop = asyncio.new_event_loop()
    ran = 0
    for block in FENCE.finditer(text):
        if block[1] == " from-3.14" and sys.version_info < (3, 14):
            continue
        # The lines of a traceback are the page's.
        source = "\n" * text.count("\n", 0, block.start(2)) + block[2]
        promises = Promises(source)
        tree = ast.fix_missing_locations(promises.visit(ast.parse(source)))
        code = compile(tree, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if block[1] == " no-run":
            continue
        assert not promises.left, f"not behind a statement: {promises.left}"
        done = eval(code, namespace)
        if inspect.iscoroutine(done):
            loop.run_until_complete(done)
        ran += 1
    loop.close()
    sys.stdout.write(f"ran: {ran}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
