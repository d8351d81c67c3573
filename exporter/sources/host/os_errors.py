"""What the system's errors mean for who reads the host's files."""

from __future__ import annotations

import errno

from exporter.model.errors import Reason, Skip, Unavailable

# The file is there, and the kernel or the driver behind it has nothing to say: pressure stall
# information switched off, the speed of a device that is down, a device that has just gone.
NOT_OFFERED = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENODEV, errno.ENXIO, errno.ESRCH, errno.EISDIR}
)


def translated(path: str, error: OSError) -> Skip | Unavailable:
    """The error of this package for one of the system: a Skip for expected absence."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return Skip(Reason.UNSUPPORTED, f"{path}: this machine has no such file")
    if isinstance(error, PermissionError):
        return Skip(Reason.PERMISSION, f"{path}: the exporter's user may not read it")
    if error.errno in NOT_OFFERED:
        return Skip(Reason.UNSUPPORTED, f"{path}: the kernel does not offer it ({error.strerror})")
    return Unavailable(f"{path}: can't be read: {error.strerror}")
