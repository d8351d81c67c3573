"""The keys that tokens are signed with, from files: a secret of HS256, public keys of a JWKS.

The algorithm belongs to the key. What a token says of its algorithm decides nothing.
JWKS: https://www.rfc-editor.org/rfc/rfc7517.html, algorithms: https://www.rfc-editor.org/rfc/rfc8725.html.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jwt import PyJWK, get_algorithm_by_name
from jwt.exceptions import InvalidKeyError, PyJWTError

from exporter.model.errors import SettingsError
from exporter.settings.sections import Api

SECRET_BYTES = 32
FILE_BYTES = 1_000_000
MOST_KEYS = 20
RSA_BITS = 2048
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
"""Members of a JWK that no public key has."""
ALGORITHMS: Mapping[tuple[str, str | None], str] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
"""Kind and curve of a key -> its one algorithm."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key with its algorithm.

    Attributes:
        algorithm: the only one it is used with.
        id: what tokens call it (`kid`); None if it has no name.
        key: as PyJWT takes it.
    """

    algorithm: str
    id: str | None
    key: Any = field(repr=False)


def read_keys(options: Api) -> Sequence[Key]:
    """All keys of the files that are configured.

    Raises:
        SettingsError: a file can't be read, a key is unfit, or there is none.
    """
    keys: list[Key] = []
    if options.jwt_secret_file is not None:
        keys.append(_secret(options.jwt_secret_file))
    if options.jwks_file is not None:
        keys += _key_set(options.jwks_file)
    if not keys:
        raise SettingsError(["api.enabled: expected api.jwt_secret_file or api.jwks_file as well"])
    return keys


def _read(path: Path, setting: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES + 1)
    except OSError as error:
        raise SettingsError([f"{setting}: {path}: {error.strerror or error}"]) from None
    if len(content) > FILE_BYTES:
        raise SettingsError([f"{setting}: {path}: expected {FILE_BYTES} bytes at most"])
    return content


def _secret(path: Path) -> Key:
    """The secret of HS256, without the line feed at its end."""
    setting = "api.jwt_secret_file"
    secret = _read(path, setting).rstrip(b"\r\n")
    if len(secret) < SECRET_BYTES:
        raise SettingsError([f"{setting}: {path}: expected {SECRET_BYTES} bytes at least"])
    try:
        key = get_algorithm_by_name("HS256").prepare_key(secret)
    except InvalidKeyError:
        text = "is a public key or certificate, which everybody may know; expected a secret"
        raise SettingsError([f"{setting}: {path}: {text}"]) from None
    return Key("HS256", None, key)


def _key_set(path: Path) -> list[Key]:
    setting = "api.jwks_file"
    try:
        listed = json.loads(_read(path, setting))["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SettingsError([f'{setting}: {path}: expected JSON as {{"keys": [...]}}']) from None
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_KEYS:
        raise SettingsError([f"{setting}: {path}: expected 1 to {MOST_KEYS} keys"])
    found = [_public(jwk, f"{setting}: {path}: key {place}") for place, jwk in enumerate(listed)]
    keys = [key for key in found if key is not None]
    if not keys:
        raise SettingsError([f"{setting}: {path}: no key is for signatures"])
    return keys


def _public(jwk: Any, where: str) -> Key | None:
    """One key of the set; None for one that is not for signatures.

    Raises:
        SettingsError: it is a secret, too weak, or of another kind.
    """
    if not isinstance(jwk, dict):
        raise SettingsError([f"{where}: expected an object"])
    if jwk.get("use", "sig") != "sig":
        return None
    if PRIVATE.intersection(jwk):
        raise SettingsError([f"{where}: holds a private or secret key; expected public keys alone"])
    algorithm = ALGORITHMS.get((str(jwk.get("kty")), jwk.get("crv") and str(jwk["crv"])))
    if algorithm is None or jwk.get("alg", algorithm) != algorithm:
        raise SettingsError([f"{where}: expected RSA for RS256, EC P-256 for ES256, or Ed25519 for EdDSA"])
    try:
        key = PyJWK(jwk, algorithm).key
    except (PyJWTError, ValueError, TypeError):
        raise SettingsError([f"{where}: is no valid {algorithm} key"]) from None
    if algorithm == "RS256" and key.key_size < RSA_BITS:
        raise SettingsError([f"{where}: expected {RSA_BITS} bits at least"])
    name = jwk.get("kid")
    return Key(algorithm, name if isinstance(name, str) else None, key)
