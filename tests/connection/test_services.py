"""Service files, password files that others can read, and hints for options that are misspelt."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pgserver import PgServer

from support.doors import Door


@pytest.fixture(autouse=True)
def no_files_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PGSYSCONFDIR", str(tmp_path / "nowhere"))
    monkeypatch.delenv("PGSERVICE", raising=False)


@pytest.fixture
def service_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: PgServer) -> Path:
    path = tmp_path / "services.conf"
    path.write_text(
        f"# a comment\n[other]\nhost=/nowhere\n\n[shop]\nhost={server.socket_dir}\n  port={server.port}  \n"
        "user=postgres\ndbname=postgres\napplication_name=from the service\n[shop]\ndbname=nosuch\n"
        "[nested]\nservice=shop\n[wrong]\nhots=x\n[word]\nword\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(path))
    return path


async def application(conn: object) -> str:
    (name,) = await (await conn.execute("show application_name")).fetchone()  # type: ignore[attr-defined]
    return str(name)


@pytest.mark.usefixtures("service_file")
async def test_a_service(door: Door, server: PgServer, monkeypatch: pytest.MonkeyPatch) -> None:
    conn = await door.connect("service=shop")
    assert await application(conn) == "from the service"
    assert (conn.info.dbname, conn.info.port) == ("postgres", server.port)
    assert conn.info.get_parameters()["service"] == "shop"
    conn = await door.connect("service=shop application_name=explicit")
    assert await application(conn) == "explicit"
    monkeypatch.setenv("PGAPPNAME", "from the environment")
    conn = await door.connect("", service="shop")
    assert await application(conn) == "from the service"
    monkeypatch.setenv("PGSERVICE", "shop")
    assert await application(await door.connect("")) == "from the service"


@pytest.mark.usefixtures("service_file")
@pytest.mark.parametrize("service", ["nosuch", "nested", "wrong", "word", ""])
async def test_services_that_are_wrong(door: Door, service: str) -> None:
    with pytest.raises(door.module.OperationalError) as caught:
        await door.connect("", service=service)
    assert "service" in str(caught.value)


async def test_a_service_file_that_is_missing(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSERVICEFILE", "/nowhere/services.conf")
    with pytest.raises(door.module.OperationalError, match=re.escape("/nowhere/services.conf")):
        await door.connect("service=shop")


async def test_the_systems_service_file(door: Door, service_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGSERVICEFILE")
    monkeypatch.setenv("HOME", str(service_file.parent))
    monkeypatch.setenv("PGSYSCONFDIR", str(service_file.parent))
    shutil.copy(service_file, service_file.with_name("pg_service.conf"))
    assert await application(await door.connect("service=shop")) == "from the service"


async def test_the_users_service_file_comes_first(
    door: Door, service_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PGSERVICEFILE")
    monkeypatch.setenv("HOME", str(service_file.parent))
    monkeypatch.setenv("PGSYSCONFDIR", str(service_file.parent))
    shutil.copy(service_file, service_file.with_name(".pg_service.conf"))
    (service_file.parent / "pg_service.conf").write_text("[shop]\nhost=/nowhere\n")
    assert await application(await door.connect("service=shop")) == "from the service"


def test_a_password_file_that_others_can_read(
    driver: ModuleType, password_server: PgServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    passfile = tmp_path / "pgpass"
    passfile.write_text("*:*:*:*:sesame\n")
    passfile.chmod(0o640)
    target = f"host=127.0.0.1 port={password_server.port} user=postgres dbname=postgres passfile={passfile}"
    with caplog.at_level(logging.WARNING), pytest.raises(driver.OperationalError) as caught:
        driver.connect(target)
    assert "no password supplied" in str(caught.value)
    if driver.__name__ == "howdah":
        # libpq writes it to stderr.
        assert "group or world access" in str(caught.value)
        assert "group or world access" in caplog.text
        assert str(passfile) in caplog.text
    assert "sesame" not in caplog.text + str(caught.value)


def test_a_wrong_password_tells_the_file_that_it_is_from(
    driver: ModuleType, password_server: PgServer, tmp_path: Path
) -> None:
    passfile = tmp_path / "pgpass"
    passfile.write_text("*:*:*:*:wrong\n")
    passfile.chmod(0o600)
    target = f"host=127.0.0.1 port={password_server.port} user=postgres dbname=postgres passfile={passfile}"
    with pytest.raises(driver.OperationalError, match=f'password retrieved from file "{passfile}"'):
        driver.connect(target)


@pytest.mark.parametrize(
    ("name", "meant"), [("hots", "host"), ("pasword", "password"), ("username", "user"), ("database", "dbname")]
)
def test_misspelt_options(howdah: ModuleType, name: str, meant: str) -> None:
    conninfo = howdah.conninfo
    calls: list[Callable[[], Any]] = [
        lambda: howdah.connect(**{name: "x"}),
        lambda: howdah.connect(f"{name}=x"),
        lambda: howdah.connect(f"postgresql://h/?{name}=x"),
        lambda: conninfo.make_conninfo(**{name: "x"}),
        lambda: conninfo.conninfo_to_dict(f"{name}=x"),
    ]
    for call in calls:
        with pytest.raises(howdah.ProgrammingError, match=f'"{name}"; did you mean "{meant}"'):
            call()
    with pytest.raises(howdah.ProgrammingError, match=r'"no_such_option"$'):
        howdah.connect(no_such_option="x")
