"""`howdah.conninfo`: how long an attempt may take, and which attempts there are; and what the driver is capable of."""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import pytest

TIMEOUTS: list[tuple[Any, int]] = [
    ({}, 130), ({"connect_timeout": "10"}, 10), ({"connect_timeout": 10}, 10), ({"connect_timeout": "0"}, 130),
    ({"connect_timeout": -1}, 130), ({"connect_timeout": 1}, 2), ({"connect_timeout": "2.7"}, 2),
    ({"connect_timeout": " 5 "}, 5), ({"connect_timeout": "3", "host": "x"}, 3),
]  # fmt: skip


@pytest.mark.parametrize(("params", "seconds"), TIMEOUTS)
def test_timeout(driver: ModuleType, monkeypatch: pytest.MonkeyPatch, params: Any, seconds: int) -> None:
    monkeypatch.delenv("PGCONNECT_TIMEOUT", raising=False)
    assert driver.conninfo.timeout_from_conninfo(params) == seconds


def test_timeout_of_the_environment(driver: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "7")
    assert driver.conninfo.timeout_from_conninfo({}) == 7
    assert driver.conninfo.timeout_from_conninfo({"connect_timeout": "8"}) == 8
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "x")
    with pytest.raises(driver.ProgrammingError):
        driver.conninfo.timeout_from_conninfo({})


@pytest.mark.parametrize("value", ["x", "", None])
def test_bad_timeout(driver: ModuleType, value: Any) -> None:
    with pytest.raises(driver.ProgrammingError):
        driver.conninfo.timeout_from_conninfo({"connect_timeout": value})


ATTEMPTS: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    ({}, [{}]),
    ({"host": "", "port": "5"}, [{"host": "", "port": "5"}]),
    ({"host": "/tmp"}, [{"host": "/tmp"}]),
    ({"host": "127.0.0.1", "user": "x", "port": 5}, [{"host": "127.0.0.1", "user": "x", "port": 5,
    "hostaddr": "127.0.0.1"}]),
    ({"host": "127.0.0.1,127.0.0.2", "port": "1,2"}, [{"host": "127.0.0.1", "port": "1", "hostaddr": "127.0.0.1"},
    {"host": "127.0.0.2", "port": "2", "hostaddr": "127.0.0.2"}]),
    ({"host": "a,b", "hostaddr": "1.1.1.1,2.2.2.2", "port": "5"}, [{"host": "a", "hostaddr": "1.1.1.1", "port": "5"},
    {"host": "b", "hostaddr": "2.2.2.2", "port": "5"}]),
    ({"hostaddr": "1.1.1.1,2.2.2.2"}, [{"hostaddr": "1.1.1.1"}, {"hostaddr": "2.2.2.2"}]),
    ({"host": "/tmp,127.0.0.1", "port": "1,"}, [{"host": "/tmp", "port": "1"}, {"host": "127.0.0.1", "port": "",
    "hostaddr": "127.0.0.1"}]),
    ({"host": "no.host.invalid,127.0.0.1"}, [{"host": "127.0.0.1", "hostaddr": "127.0.0.1"}]),
    ({"host": "127.0.0.1,/tmp", "hostaddr": ""}, [{"host": "127.0.0.1", "hostaddr": "127.0.0.1"},
    {"host": "/tmp", "hostaddr": ""}]),
    ({"host": "", "hostaddr": "1.1.1.1,2.2.2.2"}, [{"host": "", "hostaddr": "1.1.1.1"},
    {"host": "", "hostaddr": "2.2.2.2"}]),
    ({"host": "127.0.0.1,127.0.0.2", "hostaddr": ","}, [{"host": "127.0.0.1", "hostaddr": "127.0.0.1"},
    {"host": "127.0.0.2", "hostaddr": "127.0.0.2"}]),
]  # fmt: skip


def attempts(driver: ModuleType, params: Any, asynchronous: bool) -> Any:
    if asynchronous:
        return asyncio.run(driver.conninfo.conninfo_attempts_async(params))
    return driver.conninfo.conninfo_attempts(params)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(("params", "expected"), ATTEMPTS)
def test_attempts(driver: ModuleType, params: Any, expected: Any, asynchronous: bool) -> None:
    assert attempts(driver, params, asynchronous) == expected


OF_ENVIRONMENT: list[tuple[dict[str, Any], dict[str, str], Any]] = [
    ({}, {"PGHOST": "127.0.0.1"}, [{"hostaddr": "127.0.0.1"}]),
    ({"port": 5}, {"PGHOST": "127.0.0.1,127.0.0.2", "PGPORT": "1,2"}, [{"port": "5", "host": "127.0.0.1",
    "hostaddr": "127.0.0.1"}, {"port": "5", "host": "127.0.0.2", "hostaddr": "127.0.0.2"}]),
    ({"host": "127.0.0.1,/tmp"}, {"PGHOST": "a", "PGPORT": "1,2"}, [{"host": "127.0.0.1", "port": "1",
    "hostaddr": "127.0.0.1"}, {"host": "/tmp", "port": "2"}]),
    ({"host": "no.host.invalid"}, {"PGHOSTADDR": "1.1.1.1"}, [{"host": "no.host.invalid"}]),
    ({"host": "a,b"}, {"PGHOSTADDR": "1.1.1.1,2.2.2.2"}, [{"host": "a", "hostaddr": "1.1.1.1"},
    {"host": "b", "hostaddr": "2.2.2.2"}]),
    ({}, {"PGHOST": "", "PGPORT": ""}, [{}]),
    ({"host": "a,b,c"}, {"PGHOSTADDR": "1.1.1.1,2.2.2.2"}, None),
    ({"host": "127.0.0.1,127.0.0.2"}, {"PGPORT": "1,2,3"}, None),
    ({}, {"PGPORT": "1,2"}, None),
]  # fmt: skip


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(("params", "environment", "expected"), OF_ENVIRONMENT)
def test_attempts_of_the_environment(
    driver: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    params: Any,
    environment: dict[str, str],
    expected: Any,
    asynchronous: bool,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if expected is None:
        with pytest.raises(driver.OperationalError):
            attempts(driver, params, asynchronous)
    else:
        assert attempts(driver, params, asynchronous) == expected


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        {"host": "no.host.invalid"}, {"host": "a,b,c", "hostaddr": "1.1.1.1,2.2.2.2"}, {"port": "1,2"},
        {"host": "a,b", "port": "1,2,3"}, {"hostaddr": "1.1.1.1", "port": "1,2"},
    ],
)  # fmt: skip
def test_no_attempts(driver: ModuleType, params: Any, asynchronous: bool) -> None:
    with pytest.raises(driver.OperationalError):
        attempts(driver, params, asynchronous)


def test_attempts_by_chance(driver: ModuleType) -> None:
    hosts = [f"127.0.0.{n}" for n in range(1, 13)]
    params = {"host": ",".join(hosts), "load_balance_hosts": "random"}
    orders = {tuple(a["host"] for a in driver.conninfo.conninfo_attempts(params)) for _ in range(10)}
    assert all(sorted(order) == sorted(hosts) for order in orders)
    assert len(orders) > 1


CAPABILITIES = [
    "has_encrypt_password", "has_hostaddr", "has_pipeline", "has_set_trace_flags", "has_used_gssapi",
    "has_full_protocol_version", "has_cancel_safe", "has_stream_chunked", "has_send_close_prepared",
]  # fmt: skip


def test_capabilities(driver: ModuleType) -> None:
    assert isinstance(driver.capabilities, driver.Capabilities)
    for name in CAPABILITIES:
        assert getattr(driver.capabilities, name)() is True
        assert getattr(driver.capabilities, name)(check=True) is True


def test_capabilities_are_all_known(howdah: ModuleType, oracle: ModuleType) -> None:
    ours, theirs = ({n for n in dir(d.Capabilities) if not n.startswith("_")} for d in (howdah, oracle))
    assert ours == theirs == {*CAPABILITIES}
