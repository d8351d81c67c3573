"""What mends a refusal; the sentences are those that servers say, which the live tests hear."""

from __future__ import annotations

import pytest

from exporter.doctor.postgres_connect import ELSE, remedy_of

HBA = 'FATAL: no pg_hba.conf entry for host "{}", user "we"ird", database "app", no encryption'


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (HBA.format("10.0.0.5"), 'host "app" "we""ird" 10.0.0.5/32 scram-sha-256'),
        (HBA.format("::1"), 'host "app" "we""ird" ::1/128 scram-sha-256'),
        (HBA.format("[local]"), 'local "app" "we""ird" scram-sha-256'),
        ('FATAL: too many connections for role "r"', 'ALTER ROLE "r" CONNECTION LIMIT 6;'),
        ('FATAL: too many connections for database "d"', 'ALTER DATABASE "d" CONNECTION LIMIT -1;'),
        ('FATAL: permission denied for database "d"', 'GRANT CONNECT ON DATABASE "d" TO "r";'),
        ('FATAL: role "r" is not permitted to log in', 'ALTER ROLE "r" LOGIN;'),
        ('FATAL: role "{r}" does not exist', 'CREATE ROLE "{r}" LOGIN;'),
        ('FATAL: password authentication failed for user "r"', r'-- a new password, in psql: \password "r"'),
    ],
)
def test_the_line_that_mends_it(error: str, line: str) -> None:
    assert line in remedy_of(f"db:5432: {error}", "r", 3)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        ("FATAL: sorry, too many clients already", "max_connections"),
        ("FATAL: the database system is starting up", "wait"),
        ("postgres at db:5432: no answer within 5 s", "silent"),
        ('database "d" does not exist', "postgres.dsn"),
        ('failed to resolve host "db": Name or service not known', "host and port"),
    ],
)
def test_what_no_line_can_mend_has_a_remark(error: str, word: str) -> None:
    (remark,) = remedy_of(error, "r", 3)

    assert remark.startswith("-- ")
    assert word in remark


def test_an_unknown_sentence_has_a_remark_too() -> None:
    assert remedy_of("FATAL: der Server mag nicht", "r", 3) == ELSE
