"""Which tokens are accepted: by key, algorithm, time, issuer and audience; and which roles they give."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from exporter.http.api.tokens import InvalidTokenError, Role, Tokens
from exporter.model.errors import SettingsError
from exporter.settings.sections import Api as Options
from tests.unit.http.api.asking import SECRET, options, token

RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def jwk(algorithm: Any, key: Any, **more: str) -> dict[str, Any]:
    return {**json.loads(algorithm.to_jwk(key.public_key())), **more}


PUBLIC = [jwk(RSAAlgorithm, RSA, kid="a"), jwk(ECAlgorithm, EC, kid="b"), jwk(OKPAlgorithm, ED)]


def with_keys(folder: Path, keys: object, **more: Any) -> Options:
    file = folder / "jwks.json"
    file.write_text(json.dumps({"keys": keys}))
    return Options(jwks_file=file, **more)


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens.read(options(tmp_path))


@pytest.mark.parametrize(
    ("claim", "role"),
    [
        ("viewer", Role.VIEWER),
        (["viewer"], Role.VIEWER),
        ("openid viewer admin", Role.ADMIN),
        (["other", "admin"], Role.ADMIN),
        ("viewers", None),
        ("", None),
        ([], None),
        (None, None),
        (7, None),
        ({"admin": True}, None),
        ([["admin"]], None),
    ],
)
def test_roles(tokens: Tokens, claim: object, role: Role | None) -> None:
    assert tokens.caller(token(claim)).role is role


ADMINS: dict[str, Any] = {"https://example.com/groups": ["admin"]}


def test_the_claim_with_the_roles_is_configured(tmp_path: Path) -> None:
    tokens = Tokens.read(options(tmp_path, jwt_roles_claim="https://example.com/groups"))
    assert tokens.caller(token("viewer")).role is None
    assert tokens.caller(token(None, **ADMINS)).role is Role.ADMIN


def unsigned(header: dict[str, Any]) -> str:
    claims = {"sub": "alice", "exp": time() + 60, "roles": "admin"}
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    return ".".join([*parts, ""])


REFUSED: dict[str, Callable[[], str]] = {
    "expired": lambda: token(exp=time() - 30),
    "not yet valid (nbf)": lambda: token(nbf=time() + 60),
    "not yet valid (iat)": lambda: token(iat=time() + 60),
    "without exp": lambda: token(exp=None),
    "exp is no number": lambda: token(exp="never"),
    "exp is infinite": lambda: token(exp=float("inf")),
    "without sub": lambda: token(sub=None),
    "sub is empty": lambda: token(sub=""),
    "sub is too long": lambda: token(sub="a" * 257),
    "another key": lambda: token(key="another secret, as long as the true one: 012"),
    "another algorithm": lambda: token(algorithm="HS512", key=SECRET * 2),
    "alg none": lambda: unsigned({"alg": "none"}),
    "alg None": lambda: unsigned({"alg": "None", "typ": "JWT"}),
    "no signature": lambda: token().rpartition(".")[0] + ".",
    "signature of another": lambda: (
        token("admin").rpartition(".")[0] + "." + token("viewer").rpartition(".")[2]
    ),
    "too long": lambda: token(padding="x" * 8192),
    "nothing": lambda: "",
    "no token": lambda: "a.b.c",
    "nested": lambda: ".".join([urlsafe_b64encode(b"[" * 5000).decode()] * 3),
    "a critical header": lambda: jwt.encode(
        {"sub": "a", "exp": time() + 60, "roles": "admin"}, SECRET, headers={"crit": ["x"], "x": 1}
    ),
}


@pytest.mark.parametrize("how", REFUSED)
@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_refused(tokens: Tokens, how: str) -> None:
    with pytest.raises(InvalidTokenError) as refused:
        tokens.caller(REFUSED[how]())
    assert SECRET not in repr(refused.value)


def test_a_clock_may_be_some_seconds_off(tokens: Tokens) -> None:
    assert tokens.caller(token(exp=time() - 1, nbf=time() + 2)).subject == "alice"


@pytest.mark.parametrize(("setting", "claim"), [("jwt_issuer", "iss"), ("jwt_audience", "aud")])
def test_issuer_and_audience(tmp_path: Path, setting: str, claim: str) -> None:
    tokens = Tokens.read(options(tmp_path, **{setting: "ours"}))

    def says(value: str | None) -> str:
        return token(**{claim: value})  # type: ignore[arg-type]

    assert tokens.caller(says("ours")).role is Role.VIEWER
    for other in ("theirs", None, "our"):
        with pytest.raises(InvalidTokenError):
            tokens.caller(says(other))
    # Where nothing is configured, whatever they say.
    assert Tokens.read(options(tmp_path)).caller(says("theirs")).role is Role.VIEWER


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"), [(RSA, "RS256", "a"), (EC, "ES256", "b"), (ED, "EdDSA", None)]
)
def test_public_keys(tmp_path: Path, key: Any, algorithm: str, kid: str | None) -> None:
    tokens = Tokens.read(with_keys(tmp_path, PUBLIC))
    claims = {"sub": "alice", "exp": time() + 60, "roles": "viewer"}
    for headers in ({"kid": kid} if kid else None, None):
        assert tokens.caller(jwt.encode(claims, key, algorithm, headers=headers)).role is Role.VIEWER
    with pytest.raises(InvalidTokenError):
        tokens.caller(jwt.encode(claims, key, algorithm, headers={"kid": "b" if kid == "a" else "a"}))


def hmac_with(secret: bytes, claims: dict[str, Any], headers: dict[str, str]) -> str:
    """As who has the public key would forge it: PyJWT itself refuses to."""
    import hashlib
    import hmac

    parts = [urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in (headers, claims)]
    signed = b".".join(parts)
    signature = urlsafe_b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).rstrip(b"=")
    return b".".join([signed, signature]).decode()


@pytest.mark.parametrize("kid", ["a", None])
@pytest.mark.parametrize("with_secret", [True, False])
def test_a_public_key_is_no_secret(tmp_path: Path, kid: str | None, with_secret: bool) -> None:
    given = with_keys(tmp_path, PUBLIC)
    if with_secret:
        given = given.model_copy(update={"jwt_secret_file": options(tmp_path).jwt_secret_file})
    tokens = Tokens.read(given)
    claims = {"sub": "alice", "exp": time() + 60, "roles": "admin"}
    headers = {"alg": "HS256", "typ": "JWT"} | ({"kid": kid} if kid else {})
    for secret in (PEM, PEM.strip(), json.dumps(PUBLIC[0]).encode(), b""):
        with pytest.raises(InvalidTokenError):
            tokens.caller(hmac_with(secret, claims, headers))
    if with_secret:  # the forger's way works where the secret is the right one
        assert tokens.caller(hmac_with(SECRET.encode(), claims, {"alg": "HS256"})).role is Role.ADMIN


def test_what_is_wrong_with_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    for content in (b"", b"short", b"x" * 31 + b"\n", PEM, b"x" * 1_000_001):
        file.write_bytes(content)
        with pytest.raises(SettingsError, match=r"api\.jwt_secret_file") as error:
            Tokens.read(Options(jwt_secret_file=file))
        assert "short" not in str(error.value)
    file.unlink()
    with pytest.raises(SettingsError, match="No such file"):
        Tokens.read(Options(jwt_secret_file=file))
    with pytest.raises(SettingsError, match=r"jwt_secret_file or api\.jwks_file"):
        Tokens.read(Options())


WEAK = jwk(RSAAlgorithm, rsa.generate_private_key(65537, 1024))
PRIVATE = json.loads(RSAAlgorithm.to_jwk(RSA))


@pytest.mark.parametrize(
    "keys",
    [
        [],
        {},
        "keys",
        [7],
        [{}],
        [{"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}],
        [WEAK],
        [PRIVATE],
        [{**PUBLIC[0], "alg": "HS256"}],
        [{**PUBLIC[0], "alg": "RS512"}],
        [{**PUBLIC[0], "n": "x"}],
        [{**PUBLIC[0], "use": "enc"}],
        [{**PUBLIC[1], "crv": "P-521"}],
        PUBLIC * 7,
    ],
)
def test_what_is_wrong_with_a_key_set(tmp_path: Path, keys: object) -> None:
    with pytest.raises(SettingsError, match=r"api\.jwks_file") as error:
        Tokens.read(with_keys(tmp_path, keys))
    assert str(PRIVATE["d"]) not in str(error.value)


def test_keys_for_other_uses_are_passed_over(tmp_path: Path) -> None:
    tokens = Tokens.read(with_keys(tmp_path, [{**PUBLIC[1], "use": "enc"}, PUBLIC[2]]))
    claims = {"sub": "alice", "exp": time() + 60}
    assert tokens.caller(jwt.encode(claims, ED, "EdDSA")).role is None
    with pytest.raises(InvalidTokenError):
        tokens.caller(jwt.encode(claims, EC, "ES256"))
