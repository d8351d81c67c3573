"""Who calls, from a JSON Web Token: RFC 7519, with the advice of RFC 8725.

https://www.rfc-editor.org/rfc/rfc8725.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import jwt
from jwt import exceptions

from exporter.http.api.keys import Key, read_keys
from exporter.settings.sections import Api

TOKEN_CHARACTERS = 8192
SUBJECT_CHARACTERS = 256
LEEWAY_SECONDS = 5.0
"""How far the issuer's clock may be from ours."""
REASONS = (
    (exceptions.ExpiredSignatureError, "expired"),
    (exceptions.ImmatureSignatureError, "not yet valid"),
    (exceptions.InvalidIssuerError, "wrong issuer"),
    (exceptions.InvalidAudienceError, "wrong audience"),
    (exceptions.MissingRequiredClaimError, "a claim is missing"),
    (exceptions.InvalidSignatureError, "wrong signature"),
    (exceptions.InvalidAlgorithmError, "wrong algorithm"),
)
"""What is logged; the caller is told the same of all of them."""


class Role(StrEnum):
    """What a caller may do."""

    VIEWER = "viewer"
    """Read."""
    ADMIN = "admin"
    """Read, and reset statistics."""


class InvalidTokenError(Exception):
    """The token is not accepted; the reason is for the audit log alone."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    Attributes:
        subject: the claim `sub`.
        role: the highest one; None without any.
    """

    subject: str
    role: Role | None


class Tokens:
    """Verifies tokens.

    Args:
        keys: those that sign.
        options: issuer, audience and the claim with the roles.
    """

    def __init__(self, keys: Sequence[Key], options: Api) -> None:
        self._keys = keys
        self._issuer = options.jwt_issuer
        self._audience = options.jwt_audience
        self._claim = options.jwt_roles_claim

    @classmethod
    def read(cls, options: Api) -> Tokens:
        """With the keys of the files as they are now.

        Raises:
            SettingsError: a file can't be read, or a key is unfit.
        """
        return cls(read_keys(options), options)

    def caller(self, token: str) -> Caller:
        """Who the token is about.

        Raises:
            InvalidTokenError: it is not accepted.
        """
        if len(token) > TOKEN_CHARACTERS:
            raise InvalidTokenError("too long")
        try:
            return self._caller(self._claims(token))
        except InvalidTokenError:
            raise
        except Exception as error:  # noqa: BLE001  whatever is in it, it was sent by anybody
            raise InvalidTokenError(_reason(error)) from None

    def _claims(self, token: str) -> dict[str, Any]:
        """The claims, of the first key whose signature it is."""
        name = jwt.get_unverified_header(token).get("kid")
        named = [key for key in self._keys if key.id is not None and key.id == name]
        error: Exception = exceptions.InvalidSignatureError()
        for key in named or [key for key in self._keys if key.id is None or name is None]:
            try:
                return self._verified(token, key)
            except (exceptions.InvalidSignatureError, exceptions.InvalidAlgorithmError) as wrong:
                error = wrong
        raise error

    def _verified(self, token: str, key: Key) -> dict[str, Any]:
        return jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            issuer=self._issuer,
            audience=self._audience,
            leeway=LEEWAY_SECONDS,
            options={"require": self._required(), "verify_aud": self._audience is not None},
        )

    def _required(self) -> list[str]:
        required = ["exp", "sub"]
        required += ["iss"] if self._issuer is not None else []
        return required + (["aud"] if self._audience is not None else [])

    def _caller(self, claims: dict[str, Any]) -> Caller:
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_CHARACTERS:
            raise InvalidTokenError("the subject is no text of 1 to 256 characters")
        given = claims.get(self._claim)
        names = given.split() if isinstance(given, str) else given if isinstance(given, list) else []
        role = next((role for role in (Role.ADMIN, Role.VIEWER) if role.value in names), None)
        return Caller(subject, role)


def _reason(error: Exception) -> str:
    return next((text for kind, text in REASONS if isinstance(error, kind)), "malformed")
