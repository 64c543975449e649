"""The classes of ranges, multiranges and numeric wrappers, compared with psycopg's."""

from __future__ import annotations

import copy
import itertools
import math
import operator
import pickle
from types import ModuleType
from typing import Any

import pytest

from support.adapting import part
from support.composed_cases import WRAPPED


def test_numeric_wrappers(driver: ModuleType, oracle: ModuleType) -> None:
    for name, values in WRAPPED.items():
        ours, theirs = getattr(part(driver, "types.numeric"), name), getattr(part(oracle, "types.numeric"), name)
        assert [c.__name__ for c in ours.__mro__] == [c.__name__ for c in theirs.__mro__]
        assert not hasattr(ours(1), "__dict__")
        for value in values:
            one, other = ours(value), theirs(value)
            assert (repr(one), str(one), f"{one}") == (repr(other), str(other), f"{other}")
            assert one == other or math.isnan(value)
            again = pickle.loads(pickle.dumps(one))
            assert type(again) is ours
            assert repr(again) == repr(one) == repr(copy.copy(one))
        with pytest.raises(TypeError):
            ours()


BOUNDS: list[Any] = [None, -3, 0, 1, 2, 5]


RANGE_ARGS: list[tuple[Any, ...]] = [
    *itertools.product(BOUNDS, BOUNDS, ["[)", "(]", "()", "[]"]), (None, None, "[)", True), (1, 2, "[]", True),
]  # fmt: skip


ATTRIBUTES = ["lower", "upper", "bounds", "isempty", "lower_inf", "upper_inf", "lower_inc", "upper_inc"]


def test_range_class(driver: ModuleType, oracle: ModuleType) -> None:
    ours, theirs = part(driver, "types.range"), part(oracle, "types.range")
    for args in RANGE_ARGS:
        one, other = ours.Range(*args), theirs.Range(*args)
        seen = [[repr(r), str(r), bool(r), *(getattr(r, a) for a in ATTRIBUTES)] for r in (one, other)]
        assert seen[0] == seen[1]
        assert [x in one for x in range(-5, 8)] == [x in other for x in range(-5, 8)]
        assert hash(one) == hash(ours.Range(*args))
        for again in (pickle.loads(pickle.dumps(one)), copy.copy(one), copy.deepcopy(one)):
            assert again == one
            assert type(again) is ours.Range
    for bad in ("", "[", "[[", "x", "[) "):
        for module in (ours, theirs):
            with pytest.raises(ValueError, match="bound flags"):
                module.Range(1, 2, bad)
    with pytest.raises(AttributeError):
        ours.Range(1, 2).lower = 5
    assert ours.Range[int](1, 2) == ours.Range(1, 2)
    assert repr(ours.Int4Range(1)) == "Int4Range(1, None, '[)')"


OPERATORS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


def compare(values: list[Any], others: list[Any]) -> list[Any]:
    found: list[Any] = []
    for one, other, op in itertools.product(values, others, OPERATORS):
        try:
            found.append(op(one, other))
        except TypeError:
            found.append("TypeError")
    return found


def test_range_order(driver: ModuleType, oracle: ModuleType) -> None:
    results = []
    for module in (driver, oracle):
        ranges = part(module, "types.range")
        values = [ranges.Range(*args) for args in RANGE_ARGS[::7]]
        values += [ranges.Range("a", "b"), ranges.Range(empty=True)]
        results.append(compare(values, [*values, 1, None, "x", (1, 2)]))
    assert results[0] == results[1]


def test_order_of_a_range_and_one_of_a_subclass(howdah: ModuleType) -> None:
    # psycopg asks back and forth until the recursion limit.
    ranges = part(howdah, "types.range")
    one, other = ranges.Range(1, 2), ranges.Int4Range(1, 3)
    assert one < other
    assert other > one
    assert other >= one
    assert not one > other
    assert one == ranges.Int4Range(1, 2)


def test_multirange_class(driver: ModuleType, oracle: ModuleType) -> None:
    results = []
    for module in (driver, oracle):
        one, two, three = (
            part(module, "types.range").Range(*args) for args in ((1, 2), (5, None), (None, None, "()", True))
        )
        cls = part(module, "types.multirange").Multirange
        mr = cls([one, two])
        log: list[Any] = [repr(mr), str(mr), len(mr), mr[0], type(mr[0:1]).__name__, mr[0:1], list(mr), one in mr]
        mr.append(three)
        mr.insert(0, two)
        mr[1] = three
        mr[2:3] = [one, one]
        log += [repr(mr), mr.index(one), mr.count(one), mr.pop(), list(reversed(mr))]
        del mr[0]
        mr.extend(iter([two]))
        mr += [one]
        log += [repr(mr), mr == cls(mr), mr == list(mr), bool(cls()), repr(cls(iter([one])))]
        log += [refusal(action, mr) for action in REFUSED]
        values = [
            cls(),
            cls([one]),
            cls([one, two]),
            cls([two]),
            part(module, "types.multirange").Int4Multirange([one]),
        ]
        log += compare(values, [*values, [], None])
        log += [pickle.loads(pickle.dumps(v)) == v for v in values] + [repr(copy.copy(v)) for v in values]
        mr.clear()
        results.append([str(entry) for entry in log] + [len(mr)])
    assert results[0] == results[1]


REFUSED: list[Any] = [
    lambda mr: mr.append(1), lambda mr: mr.insert(0, "x"), lambda mr: operator.setitem(mr, 0, 5), hash,
    lambda mr: operator.setitem(mr, slice(0, 1), [5]), lambda mr: operator.setitem(mr, slice(0, 1), 5),
    lambda mr: mr[10], lambda mr: mr["x"], lambda mr: mr.extend([None]), lambda mr: type(mr)([1]),
    lambda mr: type(mr)(1),
]  # fmt: skip


def refusal(action: Any, mr: Any) -> str:
    try:
        return f"done: {action(mr)}"
    except Exception as ex:
        return type(ex).__name__


def test_names_and_bases(driver: ModuleType, oracle: ModuleType) -> None:
    for module, names in CLASSES.items():
        for name in names:
            ours, theirs = (
                getattr(part(driver, f"types.{module}"), name),
                getattr(part(oracle, f"types.{module}"), name),
            )
            assert ours.__name__ == theirs.__name__
            assert ours.__module__ == f"{driver.__name__}.types.{module}"
            assert [c.__name__ for c in ours.__mro__] == [c.__name__ for c in theirs.__mro__]
            public = {n for n in dir(theirs) if not n.startswith("_")}
            assert {n for n in dir(ours) if not n.startswith("_")} == public


KINDS = ["Int4", "Int8", "Numeric", "Date", "Timestamp", "Timestamptz"]


CLASSES = {
    "numeric": list(WRAPPED),
    "range": ["Range", *(f"{k}Range" for k in KINDS)],
    "multirange": ["Multirange", *(f"{k}Multirange" for k in KINDS)],
}
