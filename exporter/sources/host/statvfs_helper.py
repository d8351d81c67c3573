"""Says how full file systems are: a process of its own, because a dead mount blocks whoever asks.

The kernel holds a process that asks a network file system whose server is gone, sometimes even
against SIGKILL. The daemon starts this file as `python -I -S statvfs_helper.py` and gives it up
when an answer is late. It imports nothing that the interpreter has not loaded already, and speaks
plain lines instead of JSON: that keeps it at 2.6 MB of memory of its own.

A question is a path in hexadecimal; answers come in the order of the questions: six numbers (block
size, blocks, free, available; inodes, free inodes) or `error ERRNO`. It ends with its input.
"""

import sys
from posix import statvfs


def answer(question: str) -> str:
    """The answer to one question, both without line feed."""
    try:
        s = statvfs(bytes.fromhex(question))
    except OSError as error:
        return f"error {error.errno}"
    # Blocks are counted in fragments (POSIX); on most file systems f_bsize is the same number.
    return f"{s.f_frsize} {s.f_blocks} {s.f_bfree} {s.f_bavail} {s.f_files} {s.f_ffree}"


def main() -> None:
    """Answers until the input ends."""
    while line := sys.stdin.readline():
        sys.stdout.write(answer(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
