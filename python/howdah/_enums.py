"""Enumerations of howdah's own."""

from enum import IntEnum


class IsolationLevel(IntEnum):
    """The isolation level of a transaction. Source: command SET TRANSACTION."""

    __module__ = "howdah"

    READ_UNCOMMITTED = 1
    READ_COMMITTED = 2
    REPEATABLE_READ = 3
    SERIALIZABLE = 4
