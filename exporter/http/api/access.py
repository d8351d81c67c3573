"""Whether a request may go on: by its rate, its token and its role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request

from exporter.http.api.audit import Audit, Entry
from exporter.http.api.problems import ApiError
from exporter.http.api.rates import Rates, place_of
from exporter.http.api.tokens import Caller, InvalidTokenError, Role, Tokens
from exporter.settings.sections import Api

CHALLENGE = 'Bearer realm="datastack-exporter"'
PATH_CHARACTERS = 200
"""Of a path that are logged."""
OPEN = frozenset({"/api/v1/health"})
"""What needs no token."""
FOR_ADMINISTRATORS = frozenset({"/api/v1/postgres/statistics/reset"})
"""What needs the role admin."""


class Refusal(ApiError):
    """A request that may not go on; the reason is for the audit log alone."""

    def __init__(self, error: ApiError, reason: str, *, logged: bool = True) -> None:
        super().__init__(error.status, error.detail, error.headers)
        self.reason = reason
        self.logged = logged


@dataclass(slots=True)
class Call:
    """One request, and what is known of who sent it.

    Attributes:
        method, path: of the request.
        client: the address, as it is counted.
        caller: None until the token is verified.
        privileged: whether its audit line says that it has begun.
    """

    method: str
    path: str
    client: str
    caller: Caller | None = None
    privileged: bool = False

    def entry(self, result: str, status: int | None = None, reason: str = "") -> Entry:
        """A line of the audit log about it."""
        caller = self.caller
        return Entry(
            time=datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            subject=caller.subject if caller else None,
            role=caller.role.value if caller and caller.role else None,
            client=self.client,
            method=self.method,
            path=self.path[:PATH_CHARACTERS],
            result=result,
            status=status,
            reason=reason,
        )


class Access:
    """The rules as they were when the configuration was read.

    Args:
        options: of the section `api`.
        rates: what was counted before, where the limit is the same: a reload gives nobody new requests.

    Attributes:
        rates: counts requests.
        audit: the audit log.

    Raises:
        SettingsError: a file with keys can't be read, or the audit file can't be written.
    """

    def __init__(self, options: Api, rates: Rates | None = None) -> None:
        self._tokens = Tokens.read(options)
        rates = rates or Rates(options.requests_per_minute)
        same = rates.per_minute == options.requests_per_minute
        self.rates = rates if same else Rates(options.requests_per_minute)
        self.audit = Audit(options.audit_file)
        self.audit.check()

    async def admit(self, request: Request) -> Call:
        """The call, if it may go on: who has the role for it, and everybody where it is `OPEN`.

        What is refused here is refused before anything is looked up, so that the answer is the same
        whatever there is.

        Raises:
            Refusal: it may not; its `call` is in `request.state`.
            ApiError: nothing can be written to the audit log.
        """
        host = request.client.host if request.client else ""
        call = request.state.call = Call(request.state.method, request.scope["path"], place_of(host))
        _pause(await self.rates.before(call.client))
        try:
            call.caller = self._caller(request)
        except Refusal as refusal:
            _pause(await self.rates.unknown(call.client))
            if call.path in OPEN and not request.headers.getlist("authorization"):
                return call
            raise refusal from None
        _pause(await self.rates.of(call.caller.subject))
        if call.caller.role is None and call.path not in OPEN:
            raise Refusal(ApiError(403, "expected the role viewer or admin"), "no role")
        if call.path in FOR_ADMINISTRATORS:
            await self._begin(call, call.caller)
        return call

    async def _begin(self, call: Call, caller: Caller) -> None:
        """Notes that an administrator's call begins: without a line in the audit log nothing is done."""
        if caller.role is not Role.ADMIN:
            raise Refusal(ApiError(403, "expected the role admin"), "role admin is needed")
        call.privileged = await self.audit.write(call.entry("begun"))
        if not call.privileged:
            raise ApiError(503, "the audit log can't be written, so nothing was done")

    def _caller(self, request: Request) -> Caller:
        given = request.headers.getlist("authorization")
        try:
            return self._tokens.caller(_bearer(given))
        except InvalidTokenError as error:
            challenge = f'{CHALLENGE}, error="invalid_token"' if given else CHALLENGE
            headers = {"WWW-Authenticate": challenge}
            raise Refusal(ApiError(401, "expected a valid token", headers), str(error)) from None


def _bearer(given: Sequence[str]) -> str:
    """The token of the header Authorization: https://www.rfc-editor.org/rfc/rfc6750.html#section-2.1.

    Raises:
        InvalidTokenError: there is none.
    """
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    if scheme.lower() != "bearer":
        raise InvalidTokenError("no bearer token" if given else "no token")
    return token.strip()


def _pause(seconds: int | None) -> None:
    if seconds is not None:
        headers = {"Retry-After": str(seconds)}
        raise Refusal(ApiError(429, "too many requests", headers), "too many requests", logged=False)
