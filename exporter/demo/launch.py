"""Runs one server that must not outlive the process that wants it. A script, not a module to import.

    python launch.py PARENT UID GID SIGNAL FOLDER COMMAND [ARGUMENT ...]

PARENT is the pid of the process that starts this; UID and GID are the account to change to (-1: stay),
SIGNAL is the number that the server gets when its parent ends, FOLDER its working directory. The server
replaces this script, so it keeps the pid. Exit status 126: the account may not enter the folder or run
the command. Source: prctl(2), PR_SET_PDEATHSIG.

Standard library only: it runs under `python -I -S`, before the packages of the environment are in reach.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
NOT_ALLOWED = 126


def main(arguments: list[str]) -> None:
    """Changes the account, ties the server's life to the parent's, and becomes the server."""
    parent, uid, gid, death = (int(argument) for argument in arguments[:4])
    folder, command = arguments[4], arguments[5:]
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    # After setuid: the kernel clears the signal when a process changes its account.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death)
    # The parent may have ended before prctl was called: then no signal would ever come.
    if os.getppid() != parent:
        sys.exit("the process that wanted this server has ended")
    try:
        os.chdir(folder)
        os.execv(command[0], command)  # noqa: S606 - becomes the server
    except OSError as error:
        sys.stderr.write(f"{error.filename or command[0]}: {error.strerror}\n")
        sys.exit(NOT_ALLOWED if isinstance(error, PermissionError) else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
