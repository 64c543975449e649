"""Whether GSSAPI is there to be tested."""

from __future__ import annotations

import os

import pytest

from support.doors import Door


def has_gssapi(door: Door) -> bool:
    if door.module.__name__ == "psycopg":
        return True
    from howdah._howdah import has_gssapi

    return has_gssapi


def needs_gssapi(door: Door) -> None:
    if not has_gssapi(door):
        assert "HOWDAH_TESTS_GSSAPI" not in os.environ
        pytest.skip("the extension was built without its feature gssapi")
