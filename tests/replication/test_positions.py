"""Positions in the log."""

from __future__ import annotations

from typing import Any

import pytest
from howdah.replication import LSN


def test_positions() -> None:
    lsn = LSN("16/b374d848")
    assert str(lsn) == f"{lsn}" == "16/B374D848"
    assert repr(lsn) == "LSN('16/B374D848')"
    assert lsn == LSN(lsn) == LSN(b"16/B374D848") == 0x16B374D848
    assert LSN("0/10") < LSN("1/0")
    assert LSN("1/0") - LSN("0/FFFFFFFF") == 1
    assert str(LSN(2**64 - 1)) == "FFFFFFFF/FFFFFFFF"
    assert f"{LSN(255):x}" == "ff"


@pytest.mark.parametrize(
    "wrong",
    ["", "/", "1/", "/1", "1", "1/2/3", "g/1", "123456789/0", "+1/2", "1 /2", "\uff11/1", b"\xff/1", -1, 2**64],
)
def test_what_is_no_position(wrong: Any) -> None:
    with pytest.raises(ValueError, match="not a position in a log"):
        LSN(wrong)
