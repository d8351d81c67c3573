"""Blocks of shell in the documentation: which commands they have, and which of these a test can run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

OURS = ("datastack-exporter", ".venv/bin/datastack-exporter")

RUN = {
    *("curl", "jq", "psql", "redis-cli", "promtool", "amtool"),
    *("export", "cat", "head", "tail", "grep", "sort", "uniq", "cut", "sed", "base64", "umask", "ls"),
}
"""Programs that the tests run as they stand, beside ours."""

SYSTEMD = "asks systemd, which is not where the tests run"
MACHINE = "looks at the machine of who reads, with nothing of ours in it"
ENGINE = "no engine where the tests run; tests/deploy checks the files"

ELSEWHERE: Mapping[str, str] = {
    "make": "tests/unit/test_docs.py knows the targets; `.ci/run` and tests/newcomer.py run what users need",
    "git": "tests/newcomer.py clones, from this folder",
    "cd": "tests/newcomer.py does it",
    "prometheus": "tests/e2e/test_prometheus.py starts it with the configuration that is shipped",
    "pip": "tests/deploy installs the wheel; tests download nothing",
    ".venv/bin/python": "a tool of developers; tests/deploy/docs/test_blocks.py sees that it is there",
    "sudo": "changes the machine of who reads; tests/deploy looks at the files",
    **dict.fromkeys(("systemctl", "journalctl", "systemd-analyze", "timedatectl"), SYSTEMD),
    **dict.fromkeys(("docker", "podman", "kubectl"), ENGINE),
    "openssl": "asks a server for its certificate; those of the pages' tests speak no TLS",
    "gh": "asks GitHub about a release that is there",
    **dict.fromkeys(
        ("dmesg", "ss", "lsof", "top", "ps", "df", "du", "find", "free", "vmstat", "awk"), MACHINE
    ),
    **dict.fromkeys(("chronyc", "mpstat", "iostat", "pidstat", "pgrep"), MACHINE),
}
"""Programs that no test of a page runs, each with the reason or the place where it is looked at."""

COVERED: Mapping[str, str] = {
    r"redis-cli .*--(bigkeys|memkeys|hotkeys|intrinsic-latency)": "tests/live/redis",
    r"redis-cli .*(--cluster|sentinel|cluster )": "tests/live/redis",
    r"datastack-exporter verify .*--grafana": "tests/e2e/test_verify.py",
    r"datastack-exporter plan ": "tests/e2e/test_analyze.py",
    r"datastack-exporter diff http://localhost:9187": "tests/live/test_diff.py",
    r"datastack-exporter dump --collector (roles|stat_ssl)$": "tests/live/test_docs.py",
    r"datastack-exporter explain stat_ssl$": "tests/live/test_docs.py",
    r"^sh secrets\.sh": "tests/deploy/compose",
    r"^sh deploy/kubernetes/secrets\.sh": "tests/deploy/kubernetes",
    r"deploy/kubernetes/\S* .*\| xargs sed -i": "tests/deploy/kubernetes",
    r"^useradd |/(opt|etc|var/log)/datastack-exporter|deploy/systemd/": "tests/deploy/systemd",
    r"/tmp/build|dist/": "tests/deploy/release",
}
"""Steps that want other servers or files than a page's test has -> the tests that have them."""

SEPARATORS = {"|", "||", "&&", ";", "&", "(", ")", "|&"}
HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


def steps(text: str) -> list[str]:
    """The commands of a block, one after the other: continued lines and the text after << go with theirs."""
    found: list[str] = []
    lines = iter(text.splitlines())
    for line in lines:
        step = line
        while step.endswith("\\"):
            step += "\n" + next(lines)
        if heredoc := HEREDOC.search(step):
            step += "\n" + "\n".join(_until(heredoc[2], lines))
        if step.strip() and not step.lstrip().startswith("#"):
            found.append(step)
    return found


def _until(end: str, lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if line.strip() == end:
            return


def programs(step: str) -> list[str]:
    """The program of each command of a step.

    Raises:
        ValueError: a quote is not closed.
    """
    command = step.partition("\n")[0] if HEREDOC.search(step) else step
    lexer = shlex.shlex(HEREDOC.sub("", command), posix=True, punctuation_chars=True)
    lexer.commenters = "#"
    lexer.whitespace_split = True
    found: list[str] = []
    begins = True
    for word in lexer:
        if word in SEPARATORS:
            begins = True
        elif begins and not ASSIGNMENT.match(word):
            found.append(word)
            begins = False
    return found


def unknown(step: str) -> list[str]:
    """Its programs of which nobody has said what becomes of them."""
    if _place(step):
        return []
    return [name for name in programs(step) if name not in {*OURS, *RUN, *ELSEWHERE}]


def reason(step: str) -> str:
    """Why the test of its page does not run this step; empty if it does."""
    if place := _place(step):
        return place
    if names := unknown(step):
        return f"not covered: {names}"
    return next((ELSEWHERE[name] for name in programs(step) if name in ELSEWHERE), "")


def _place(step: str) -> str:
    return next((where for pattern, where in COVERED.items() if re.search(pattern, step)), "")
