"""Inputs that are files or texts: settings, queries, SQL, plans, baselines, pages of other exporters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trustme
import yaml

from exporter.analysis.baseline.comparison import compare
from exporter.analysis.baseline.document import baseline_document, baseline_of, comparison_document
from exporter.analysis.baseline.snapshot import Baseline, Measured
from exporter.collectors import discover
from exporter.collectors.user_queries import load as load_queries
from exporter.doctor.comparison.page import read as read_page
from exporter.facts.statement import Counters, StatementKey
from exporter.http.tls import Material, server_context
from exporter.model.errors import ExporterError
from exporter.settings import load_settings
from exporter.settings.web_file.read import read_web_file
from exporter.sources.redis import Info
from exporter.sql.normal import fingerprint
from exporter.sql.plan import plan_signature, redacted_plan
from exporter.sql.redaction import redacted
from exporter.sql.repair import repaired
from exporter.sql.shape import shape_of
from tests.docs.generated import ROOT
from tests.docs.prose import all_blocks
from tests.fuzz.runner import Target, Try
from tests.replay_redis import RECORDINGS, info_text
from tests.unit.sql import corpus


def _documented(*languages: str) -> list[bytes]:
    """The blocks of the documentation in these languages."""
    return [block.text.encode() for block in all_blocks(*languages)]


@contextmanager
def _file(use: Callable[[Path], None]) -> Iterator[Try]:
    """Writes each case into a file."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "input"

        def attempt(case: bytes) -> None:
            file.write_bytes(case)
            use(file)

        yield attempt


@contextmanager
def _text(use: Callable[[str], object]) -> Iterator[Try]:
    """Each case as text: what is no UTF-8 is replaced, as it is where such a text comes from."""

    def attempt(case: bytes) -> None:
        use(case.decode(errors="replace"))

    yield attempt


def _collectors() -> Mapping[str, tuple[bool, str]]:
    return {name: (named.spec.default, named.spec.help) for name, named in discover().items()}


def _settings_file(file: Path) -> None:
    load_settings([f"--config.file={file}"], {}, _collectors())


def _settings_words(text: str) -> None:
    """The lines as variables or flags: NAME=VALUE, --name=value."""
    lines = [line for line in text.split("\n") if line]
    environ = dict(line.split("=", 1) for line in lines if "=" in line and line[:2] != "--")
    load_settings([line for line in lines if line[:2] == "--"], environ, _collectors())


def _environment() -> list[bytes]:
    names = b"\n".join(
        (
            b"EXPORTER_POSTGRES__DSN=postgresql://exporter:secret@127.0.0.1:5432/app?sslmode=require",
            b"EXPORTER_REDIS__ADDRESS=redis://127.0.0.1:6379/0",
            b"EXPORTER_SCRAPE__TIMEOUT_SECONDS=5.5",
            b"EXPORTER_HOST__FILESYSTEM_MOUNT_POINTS_EXCLUDE=^/(dev|proc)($|/)",
            b"DATA_SOURCE_NAME=postgresql://a@127.0.0.1/b,postgresql://a@127.0.0.1/c",
            b"DATA_SOURCE_URI=127.0.0.1:5432/app?sslmode=disable",
            b"DATA_SOURCE_USER=exporter",
            b"DATA_SOURCE_PASS_FILE=/run/secrets/none",
            b"REDIS_ADDR=rediss://127.0.0.1:6380",
            b"REDIS_PASSWORD_FILE=/run/secrets/none",
            b"PGBOUNCER_EXPORTER_CONNECTION_STRING=postgres://a@127.0.0.1:6432/pgbouncer",
            b"PGHOST=127.0.0.1",
            b"PGPORT=5432",
        )
    )
    flags = b"--web.listen-address=:9188\n--no-collector.netclass\n--log.level=debug"
    return [names, flags, *names.split(b"\n"), *flags.split(b"\n")]


def _web_file(file: Path) -> None:
    """Up to the TLS context, whose certificate and key stand in the case."""
    tls = read_web_file(file).tls
    if tls is not None:
        material = Material.read(tls)
        material.not_after()
        server_context(tls, material)


def _web_files() -> list[bytes]:
    """One with all in it, and those of the documentation."""
    authority = trustme.CA()
    pair = authority.issue_cert("localhost")
    chain = b"".join(pem.bytes() for pem in pair.cert_chain_pems)
    tls = {
        "cert": chain.decode(),
        "key": pair.private_key_pem.bytes().decode(),
        "client_ca": authority.cert_pem.bytes().decode(),
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_allowed_sans": ["prometheus.example.org", "10.0.0.1"],
        "min_version": "TLS12",
        "cipher_suites": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
        "curve_preferences": ["CurveP256"],
    }
    whole = {
        "tls_server_config": tls,
        "http_server_config": {"http2": True, "headers": {"X-Frame-Options": "deny"}},
        "basic_auth_users": {"prometheus": "$2y$10$" + "a" * 53},
        "rate_limit": {"interval": "100ms", "burst": 50},
    }
    documented = [text for text in _documented("yaml", "yml") if b"tls_server_config" in text]
    parts = [yaml.safe_dump({name: part}).encode() for name, part in whole.items()]
    return [yaml.safe_dump(whole).encode(), *parts, *documented]


def _queries(file: Path) -> None:
    load_queries([str(file)], [m for named in discover().values() for m in named.spec.metrics])


def _query_files() -> list[bytes]:
    return [file.read_bytes() for file in sorted((ROOT / "docs" / "examples").glob("*.yml"))]


def _sql(text: str) -> None:
    shape_of(text)
    fingerprint(text)
    repaired(text)
    redacted(text)


def _statements() -> list[bytes]:
    scripts = [file.read_bytes() for file in sorted((ROOT / "deploy" / "sql").rglob("*.sql"))]
    return [
        *(sql.encode() for sql in corpus.queries()),
        *(sql.encode() for _, sql in corpus.utilities()),
        *scripts,
    ]


class NotJson(ExporterError):
    """The case is of no interest: the reader of JSON is Python's."""


def _json(use: Callable[[Any], object], case: bytes) -> None:
    try:
        document = json.loads(case)
    except (ValueError, RecursionError):
        raise NotJson from None
    use(document)


PLAN = {
    "Node Type": "Nested Loop",
    "Total Cost": 8.4,
    "Plan Rows": 1,
    "Plans": [
        {"Node Type": "Seq Scan", "Relation Name": "orders", "Alias": "o", "Filter": "(o.note = 'x'::text)"},
        {
            "Node Type": "Index Scan",
            "Index Name": "items_pkey",
            "Index Cond": "(items.id = $1)",
            "Output": ["items.id", "(items.price * 2)"],
        },
    ],
}


def _plan(document: Any) -> None:
    if isinstance(document, dict):
        redacted_plan(document, "SELECT $1")
        plan_signature(document)


def _kept() -> Baseline:
    counters = Counters(calls=1000, exec_ms=2000.0, square_ms=5000.0, shared_blks_hit=4000)
    key = StatementKey("shop", "app", "0" * 16)
    statement = Measured(key=key, text="SELECT $1", operation="SELECT", tables=("t",), counters=counters)
    return Baseline(
        name="one",
        target="db:5432",
        major=15,
        taken_at=1e9,
        seconds=60.0,
        statements=(statement,),
        totals=counters,
        figures={"xact_commit": 600},
        table_bytes={"shop.public.t": 1000},
    )


def _compared(document: Any) -> None:
    """A file that may have been edited, compared with an honest one, both ways."""
    edited = baseline_of(document)
    for one, other in ((_kept(), edited), (edited, _kept())):
        json.dumps(comparison_document(compare(one, other)))


def _pages() -> list[bytes]:
    return [file.read_bytes()[:20_000] for file in sorted((ROOT / "tests" / "golden").rglob("*.txt"))[:12]]


def _infos() -> list[bytes]:
    return [info_text(recording).encode() for recording in RECORDINGS]


def _info(text: str) -> None:
    info = Info(text)
    for name in info.fields:
        info.number(name)


@contextmanager
def _as_json(use: Callable[[Any], object]) -> Iterator[Try]:
    yield partial(_json, use)


def _config_files() -> list[bytes]:
    """Settings as the documentation and what is deployed have them."""
    deployed = [f.read_bytes() for f in sorted((ROOT / "deploy").rglob("config.yml"))]
    return [*_documented("yaml", "yml"), *deployed]


def _secrets(folder: Path, case: bytes) -> None:
    """The case as the name of a secret, and as its content."""
    with suppress(ValueError, OSError):  # what no file can be called
        name = case[:60].decode(errors="replace").replace("/", "_")
        (folder / name).write_bytes(case)
        load_settings([f"--config.secrets-dir={folder}"], {}, _collectors())
    for file in folder.iterdir():
        file.unlink()


@contextmanager
def _secrets_folder() -> Iterator[Try]:
    with TemporaryDirectory() as folder:
        yield partial(_secrets, Path(folder))


def _secret_names() -> Sequence[bytes]:
    return [b"postgres__password", b"redis__password", b"postgres__dsn", b"collector__netclass", b"web"]


TARGETS = (
    Target("settings: YAML file", _config_files, lambda: _file(_settings_file), enough=30),
    Target("settings: variables and flags", _environment, lambda: _text(_settings_words), enough=30),
    Target("settings: secrets folder", _secret_names, _secrets_folder, enough=30),
    Target("web file: YAML, certificates", _web_files, lambda: _file(_web_file)),
    Target("queries of users: YAML", _query_files, lambda: _file(_queries)),
    Target("SQL text of statements", _statements, lambda: _text(_sql)),
    Target("plans: JSON", lambda: [json.dumps(PLAN).encode()], lambda: _as_json(_plan)),
    Target(
        "baselines: JSON",
        lambda: [json.dumps(baseline_document(_kept())).encode()],
        lambda: _as_json(_compared),
    ),
    Target("pages of other exporters", _pages, lambda: _text(read_page)),
    Target("INFO: fields", _infos, lambda: _text(_info)),
)
