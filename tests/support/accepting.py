"""Who may be taken for the server that was asked for: peers honest and not, and what connection options promise."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import hmac
import ssl
import struct
from collections.abc import Mapping

from cryptography.hazmat.primitives.serialization import Encoding

from support.certificates import Signed
from support.hostile import GREETING, HostileServer, Peer, error, message
from support.tls import SSL_REQUEST, Files, server_context

PASSWORD = b"sesame"
SCRAM, PLUS = b"SCRAM-SHA-256", b"SCRAM-SHA-256-PLUS"


@dataclasses.dataclass(frozen=True)
class Kind:
    """A server, or whoever stands in its place or before it."""

    method: str
    """`trust`, `password`, `md5`, `scram`; `scram-unbound` does not offer to bind the proof to the channel;
    `oauth` asks for a token.

    Those that cheat: `let-in` asks for SCRAM and lets anybody in instead, `unsigned` leaves out the server's proof,
    `forged` makes one up, `harvest` asks for SCRAM first and for the password then.
    """
    tls: str = "right"
    """The certificate: `right`, `misnamed`, `unknown` (signed by somebody else), or `none`."""
    in_between: str = ""
    """An attacker who passes everything on to the real server: `passes`, or `strips` the offer to bind the channel."""

    @property
    def cheats(self) -> bool:
        return self.method in ("let-in", "unsigned", "forged", "harvest")

    def __str__(self) -> str:
        return "-".join(part for part in (self.method, self.tls, self.in_between) if part)


KINDS = [
    *(Kind(method) for method in ("trust", "password", "md5", "scram", "scram-unbound")),
    *(Kind(method, "none") for method in ("trust", "password", "md5", "scram")),
    Kind("scram", "misnamed"),
    Kind("password", "misnamed"),
    Kind("oauth"),
    Kind("oauth", "unknown"),
    Kind("scram", "unknown"),
    Kind("trust", "unknown"),
    Kind("scram", "unknown", "passes"),
    Kind("scram", "unknown", "strips"),
    Kind("password", "unknown", "passes"),
    *(Kind(method, tls) for method in ("let-in", "unsigned", "forged", "harvest") for tls in ("unknown", "none")),
]


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a peer saw: how it was spoken to, what it asked for, and whether the proof was bound to the channel."""

    encrypted: bool
    method: str
    bound: bool = False


class Impostor(HostileServer):
    """A peer of one kind; notes whom it let in, and what it was told of the password."""

    def __init__(self, kind: Kind, files: Files, contexts: Mapping[str, tuple[ssl.SSLContext, Signed]]) -> None:
        super().__init__(self._talk)
        self.kind = kind
        self._context, own = contexts.get(kind.tls, contexts["right"])
        # What the proof has to be bound to: the certificate of the server that checks it.
        checking = files.server if kind.in_between else own
        self._hash = hashlib.sha256(checking.certificate.public_bytes(Encoding.DER)).digest()
        self.let_in: list[Seen] = []
        self.told: list[Seen] = []

    @property
    def target(self) -> str:
        who = f"user=u dbname=d password={PASSWORD.decode()}"
        return f"host=localhost port={self.port} {who} gssencmode=disable connect_timeout=20"

    def _talk(self, peer: Peer) -> None:
        first = peer.read(8)
        while first == SSL_REQUEST:
            if self.kind.tls != "none":
                peer.send(b"S")
                with contextlib.suppress(ssl.SSLError), self._context.wrap_socket(peer.sock, server_side=True) as sock:
                    inner = Peer(sock)
                    self._admit(inner, inner.read(8), encrypted=True)
                return
            peer.send(b"N")
            first = peer.read(8)
        self._admit(peer, first, encrypted=False)

    def _admit(self, peer: Peer, head: bytes, *, encrypted: bool) -> None:
        peer.read(struct.unpack("!i", head[:4])[0] - 8)
        method = self.kind.method
        if method == "trust":
            seen = Seen(encrypted, "none")
        elif method in ("password", "md5", "oauth"):
            seen = Seen(encrypted, method)
            self._ask(peer, seen)
        else:
            seen = self._scram(peer, encrypted)
        self.let_in.append(seen)
        peer.send(GREETING)
        peer.drain()

    def _ask(self, peer: Peer, seen: Seen) -> None:
        requests = {"password": _request(3), "md5": _request(5, b"salt"), "oauth": _request(10, b"OAUTHBEARER\0\0")}
        peer.send(requests[seen.method])
        kind, _ = peer.read_message()
        assert kind == b"p"
        self.told.append(seen)

    def _scram(self, peer: Peer, encrypted: bool) -> Seen:
        method = self.kind.method
        knows_plus = encrypted and method != "scram-unbound"
        offered = [PLUS, SCRAM] if knows_plus and self.kind.in_between != "strips" else [SCRAM]
        peer.send(_request(10, b"\0".join(offered) + b"\0\0"))
        mechanism, _, rest = peer.read_message()[1].partition(b"\0")
        header, _, bare = rest[4:].partition(b",,")
        # A client that would have bound the channel finds out that the offer was withheld.
        if header == b"y" and knows_plus and not self.kind.cheats:
            raise EOFError
        bound = mechanism == PLUS
        if method == "let-in":
            return Seen(encrypted, "none")
        if method == "harvest":
            self._ask(peer, Seen(encrypted, "password"))
            return Seen(encrypted, "password")
        challenge = b"r=" + bare.partition(b",r=")[2] + b"more,s=c2FsdA==,i=1"
        peer.send(_request(11, challenge))
        final, _, proof = peer.read_message()[1].partition(b",p=")
        if self.kind.cheats:
            signature = b"" if method == "unsigned" else _request(12, b"v=" + base64.b64encode(bytes(32)))
            peer.send(signature)
            return Seen(encrypted, "forged")
        channel = header + b",," + (self._hash if bound else b"")
        expected, signature = _proofs(b",".join([bare, challenge, final]))
        if base64.b64decode(proof) != expected or not final.startswith(b"c=" + base64.b64encode(channel) + b","):
            peer.send(error(b"password authentication failed", b"28P01", b"FATAL"))
            raise EOFError
        peer.send(_request(12, b"v=" + base64.b64encode(signature)))
        return Seen(encrypted, "scram-sha-256", bound)


def _request(kind: int, data: bytes = b"") -> bytes:
    return message(b"R", struct.pack("!i", kind) + data)


def _proofs(text: bytes) -> tuple[bytes, bytes]:
    """The client's proof and the server's signature."""
    salted = hashlib.pbkdf2_hmac("sha256", PASSWORD, b"salt", 1)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    mask = hmac.digest(hashlib.sha256(client_key).digest(), text, "sha256")
    signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), text, "sha256")
    return bytes(a ^ b for a, b in zip(client_key, mask, strict=True)), signature


def contexts_of(files: Files) -> dict[str, tuple[ssl.SSLContext, Signed]]:
    """The certificates that peers can have, by their names in `Kind.tls`."""
    certificates = {
        "right": files.server,
        "misnamed": files.root.issue("elsewhere", ["elsewhere"]),
        "unknown": files.other_root.issue("localhost", ["localhost"]),
    }
    return {name: (server_context(signed, files.folder), signed) for name, signed in certificates.items()}


@dataclasses.dataclass(frozen=True)
class Wish:
    """What a user asks for, and what that promises."""

    sslmode: str
    has_root: bool
    binding: str
    require_auth: str | None

    def permits(self, kind: Kind, seen: Seen) -> bool:
        """Whether a peer that saw this may be taken for the server."""
        return self.permits_channel(kind, seen) and self._permits_method(seen) and seen.method != "forged"

    def permits_telling(self, kind: Kind, seen: Seen) -> bool:
        """Whether a peer that asks like this may be given the password, or its hash."""
        return self.permits(kind, seen) and kind.method != "harvest"

    def permits_channel(self, kind: Kind, seen: Seen) -> bool:
        if not seen.encrypted:
            return self.sslmode in ("disable", "allow", "prefer")
        if self.sslmode.startswith("verify") or self.has_root:
            if not self.has_root or kind.tls == "unknown":
                return False
            if self.sslmode == "verify-full" and kind.tls != "right":
                return False
        return self.sslmode != "disable"

    def _permits_method(self, seen: Seen) -> bool:
        if self.binding == "require" and not seen.bound:
            return False
        if self.require_auth is None:
            return True
        if not self.require_auth:
            return seen.method == "none"
        words = self.require_auth.split(",")
        negative = [word[1:] for word in words if word.startswith("!")]
        return seen.method not in negative if negative else seen.method in words

    @property
    def first_is_encrypted(self) -> bool:
        return self.sslmode not in ("disable", "allow")
