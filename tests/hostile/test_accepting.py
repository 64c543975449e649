"""Nobody is taken for the server who is not, by what the options promise: whoever answers, in every combination."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Mapping

import pytest

from support.accepting import KINDS, Impostor, Kind, Seen, Wish, contexts_of
from support.certificates import Signed
from support.doors import Door, howdah_alone
from support.tls import Files

Contexts = Mapping[str, tuple[ssl.SSLContext, Signed]]

MODES = [
    ("disable", False),
    ("allow", True),
    ("prefer", False),
    ("prefer", True),
    ("require", False),
    ("require", True),
    ("verify-ca", False),
    ("verify-ca", True),
    ("verify-full", True),
]
pytestmark = pytest.mark.usefixtures("nothing_at_home")

REQUIREMENTS = [None, "", "scram-sha-256", "!password,!md5", "!none", "none", "md5,oauth"]
WISHES = [
    Wish(mode, has_root, binding, require_auth)
    for (mode, has_root), binding, require_auth in itertools.product(
        MODES, ["disable", "prefer", "require"], REQUIREMENTS
    )
]


@pytest.fixture(scope="module")
def contexts(files: Files) -> Contexts:
    return contexts_of(files)


def honest(kind: Kind, wish: Wish) -> Seen | None:
    """What an honest server sees at the first attempt, if it is one."""
    if kind.cheats or kind.in_between:
        return None
    encrypted = wish.first_is_encrypted and kind.tls != "none"
    method = {"trust": "none", "scram": "scram-sha-256", "scram-unbound": "scram-sha-256"}.get(kind.method, kind.method)
    return Seen(encrypted, method, encrypted and kind.method == "scram" and wish.binding != "disable")


@howdah_alone
@pytest.mark.limit(120)
@pytest.mark.parametrize("kind", KINDS, ids=str)
async def test_no_wrong_accepts(door: Door, files: Files, contexts: Contexts, kind: Kind) -> None:
    wrong: list[str] = []
    accepts = 0
    with Impostor(kind, files, contexts) as peer:
        for wish in WISHES:
            peer.let_in.clear()
            peer.told.clear()
            options = f"sslmode={wish.sslmode} channel_binding={wish.binding}"
            root = files.right if wish.has_root else files.missing
            try:
                conn = await door.connect(
                    f"{peer.target} {options} sslrootcert={root}", require_auth=wish.require_auth, oauth_token="sesame"
                )
            except door.module.OperationalError as refusal:
                first = honest(kind, wish)
                if first and wish.permits(kind, first):
                    wrong.append(f"{wish} was refused: {refusal}")
            else:
                await conn.close()
                accepts += 1
                if not wish.permits(kind, peer.let_in[-1]):
                    wrong.append(f"{wish} was accepted: {peer.let_in[-1]}")
            wrong += [f"{wish} told: {seen}" for seen in peer.told if not wish.permits_telling(kind, seen)]
        assert peer.errors == []
    assert wrong == []
    # Whoever cheats is never taken for the server; everybody else is by those who ask for little.
    assert (accepts == 0) == kind.cheats
