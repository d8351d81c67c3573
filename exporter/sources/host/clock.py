"""The host's clock, and what the kernel knows of its error: adjtimex(2), which only asks here."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from exporter.model.errors import Reason, Skip, Unavailable

LONG, INT = ctypes.c_long, ctypes.c_int


@dataclass(frozen=True, slots=True)
class Clock:
    """The host's time: seconds since 1970, the zone's name and its offset from UTC in seconds."""

    now: float
    zone: str
    offset: int


class Timex(ctypes.Structure):
    """`struct timex` of <sys/timex.h>; `state` is what the call returned (5: not synchronised)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", LONG),
        ("freq", LONG),
        ("maxerror", LONG),
        ("esterror", LONG),
        ("status", INT),
        ("constant", LONG),
        ("precision", LONG),
        ("tolerance", LONG),
        ("time", LONG * 2),
        ("tick", LONG),
        ("ppsfreq", LONG),
        ("jitter", LONG),
        ("shift", INT),
        ("stabil", LONG),
        ("jitcnt", LONG),
        ("calcnt", LONG),
        ("errcnt", LONG),
        ("stbcnt", LONG),
        ("tai", INT),
        ("reserved", INT * 11),
    )


NUMBERS = tuple(
    name for name, *_ in Timex._fields_ if name not in {"modes", "time", "reserved", "precision", "tolerance"}
)


def clock() -> Clock:
    """The time and the zone."""
    now = time.time()
    local = time.localtime(now)
    return Clock(now, local.tm_zone, local.tm_gmtoff)


def timex() -> dict[str, int]:
    """The fields of `Timex` by name, and `state`.

    Raises:
        Skip: this system has no such call, or does not let a container make it.
        Unavailable: the kernel refuses for another reason.
    """
    answer = Timex(modes=0)  # nothing is set
    state = _adjtimex()(ctypes.byref(answer))
    if state >= 0:
        return {"state": state, **{name: getattr(answer, name) for name in NUMBERS}}
    error = ctypes.get_errno()
    text = f"adjtimex(2): {os.strerror(error)}"
    if isinstance(OSError(error, ""), PermissionError):
        raise Skip(Reason.PERMISSION, f"{text}: the container's seccomp profile does not let it through")
    raise Unavailable(text)


@cache
def _adjtimex() -> Callable[..., int]:
    library = ctypes.CDLL(None, use_errno=True)
    try:
        function = library.adjtimex
    except AttributeError as error:
        raise Skip(Reason.UNSUPPORTED, "adjtimex(2): only Linux has this call") from error
    function.argtypes, function.restype = (ctypes.POINTER(Timex),), INT
    return function
