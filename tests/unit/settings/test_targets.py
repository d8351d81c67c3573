"""Named targets and labels: from each source, with findings that name key and place and repeat no value."""

from __future__ import annotations

import json

import pytest

from exporter.model.errors import SettingsError
from exporter.settings import load_settings, redacted
from exporter.settings.keys import Keys, from_underscores
from exporter.settings.model import settings_type

SECRET = "hunter2"
NO_SERVER = "expected a server: postgres.dsn, redis.address or pgbouncer.dsn"
TAKEN = {"postgres": {"datname", "state"}, "redis": {"db"}}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "exporter.yml"


@pytest.fixture
def read(load, file):
    """Loads YAML text with variables."""

    def read(text: str, **environ: str):
        file.write_text(text)
        return load([f"--config.file={file}"], environ)

    return read


@pytest.fixture
def wrong(findings, file):
    """What is said of YAML text."""

    def wrong(text: str, **environ: str):
        file.write_text(text)
        return findings([f"--config.file={file}"], environ)

    return wrong


def clashes(text: str, file) -> tuple[str, ...]:
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings([f"--config.file={file}"], {}, {}, TAKEN)
    return caught.value.findings


def test_a_target_is_the_top_level_with_its_own_servers(read) -> None:
    settings = read("""
scrape: {timeout_seconds: 7, series_limit: 100}
postgres: {dsn: host=top}
redis: {address: top}
host: {procfs: /elsewhere}
collector: {buffercache: yes}
targets:
  orders:
    postgres: {dsn: host=db1, max_connections: 5}
    scrape: {series_limit: 5}
    collector: {stat_database: no}
  cache:
    redis: {address: "valkey://h:1"}
    on_metrics: false
""")
    orders, cache = settings.target("orders"), settings.target("cache")

    assert orders.postgres.dsn.get_secret_value() == "host=db1"
    assert orders.postgres.max_connections == 5
    assert orders.redis.address is orders.pgbouncer.dsn is None
    assert not orders.host.enabled
    assert (orders.scrape.timeout_seconds, orders.scrape.series_limit) == (7, 5)
    assert orders.enabled_collectors() == {"buffercache"}
    assert cache.enabled_collectors() == {"buffercache", "stat_database"}
    assert cache.redis.address == "valkey://h:1"
    assert cache.postgres.dsn is None
    assert (settings.targets["orders"].on_metrics, settings.targets["cache"].on_metrics) == (True, False)


def test_the_top_level_alone_says_nothing_about_targets_or_the_process(read) -> None:
    settings = read("redis: {address: h}\nlog: {level: debug}\ntargets: {a: {redis: {address: h}}}")

    assert settings.main() == read("redis: {address: h}\nweb: {listen_address: ':1'}").main()
    assert settings.main() != read("redis: {address: other}").main()
    assert settings.target("a") == settings.main().model_copy(
        update={"host": settings.target("a").host, "redis": settings.redis}
    )
    with pytest.raises(KeyError):
        settings.target("b")


def test_a_bound_of_its_own_is_told_from_the_default(read) -> None:
    targets = read("""
scrape: {timeout_seconds: 7}
targets:
  own: {redis: {address: h}, scrape: {timeout_seconds: 7}}
  other: {redis: {address: h}, scrape: {series_limit: 7}}
""").targets

    assert (targets["own"].limit_seconds, targets["other"].limit_seconds) == (7, None)


def test_targets_keep_the_order_of_the_file(read) -> None:
    names = [f"t{n}" for n in range(20, 0, -1)]

    assert [*read(json.dumps({"targets": {n: {"redis": {"address": "h"}} for n in names}})).targets] == names


def test_variables_make_targets_in_small_letters(load) -> None:
    settings = load(
        environ={
            "EXPORTER_TARGETS__ORDERS_DB__POSTGRES__DSN": "host=db",
            "EXPORTER_TARGETS__ORDERS_DB__POSTGRES__PASSWORD": SECRET,
            "EXPORTER_TARGETS__ORDERS_DB__COLLECTOR__STAT_DATABASE": "false",
            "EXPORTER_TARGETS__ORDERS_DB__SCRAPE__TIMEOUT_SECONDS": "3",
            "EXPORTER_TARGETS__ORDERS_DB__LABELS": "env=prod, team=a",
            "exporter_targets__orders_db__on_metrics": "no",
        }
    )
    own = settings.targets["orders_db"]

    assert [*settings.targets] == ["orders_db"]
    assert settings.target("orders_db").enabled_collectors() == frozenset()
    assert own.postgres.password.get_secret_value() == SECRET
    assert own.limit_seconds == 3
    assert own.labels == (("env", "prod"), ("team", "a"))
    assert not own.on_metrics


def test_the_secrets_folder_gives_to_targets(load, tmp_path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "targets__orders.db-1__postgres__password").write_text(f"{SECRET}\n")
    (folder / "targets__orders.db-1__postgres__dsn").write_text("host=db")
    settings = load([f"--config.secrets-dir={folder}"])

    assert settings.targets["orders.db-1"].postgres.password.get_secret_value() == SECRET


def test_a_variable_counts_more_than_the_file_key_by_key(read) -> None:
    settings = read(
        "targets: {a: {redis: {address: low, username: u}}}", EXPORTER_TARGETS__A__REDIS__ADDRESS="high"
    )

    assert (settings.targets["a"].redis.address, settings.targets["a"].redis.username) == ("high", "u")


def test_password_files_of_targets_are_read(read, tmp_path) -> None:
    (tmp_path / "pw").write_text(f"{SECRET}\n")
    (tmp_path / "map").write_text(json.dumps({"redis://me@h:1": SECRET}))
    settings = read(f"""
targets:
  a: {{postgres: {{dsn: "", password_file: {tmp_path}/pw}}}}
  b: {{pgbouncer: {{dsn: host=h, password_file: {tmp_path}/pw}}}}
  c: {{redis: {{address: "redis://me@h:1", password_file: {tmp_path}/map}}}}
""")

    for name, section in (("a", "postgres"), ("b", "pgbouncer"), ("c", "redis")):
        assert getattr(settings.targets[name], section).password.get_secret_value() == SECRET


def test_the_redis_address_of_a_target_is_taken_apart(read) -> None:
    redis = read(f"targets: {{a: {{redis: {{address: 'redis://me:{SECRET}@h:1'}}}}}}").targets["a"].redis

    assert (redis.address, redis.username, redis.password.get_secret_value()) == ("redis://h:1", "me", SECRET)


def test_no_secret_of_a_target_is_shown(read) -> None:
    settings = read(f"""
targets:
  a: {{postgres: {{dsn: "host=h password={SECRET}", password: {SECRET}}}}}
  b: {{redis: {{address: "redis://me:{SECRET}@h:1"}}}}
  c: {{pgbouncer: {{dsn: "postgresql://me:{SECRET}@h/pgbouncer"}}}}
""")

    for shown in (settings, settings.target("a"), settings.targets["b"], settings.target("c").main()):
        assert SECRET not in repr(shown) + str(shown) + str(shown.model_dump()) + shown.model_dump_json()
    assert SECRET not in str(redacted(settings))


@pytest.mark.parametrize("name", ["Orders", "-a", ".a", "a b", "a/b", "a:1", "ä", "''", "a=b"])
def test_a_name_that_targets_may_not_have_is_refused(wrong, file, name) -> None:
    (finding,) = wrong(f"targets:\n  {name}: {{redis: {{address: h}}}}\n")

    assert finding.startswith(f"file {file} line 2, key targets.")
    assert finding.endswith(
        ": expected a name of small letters, digits, '.', '_' and '-', a letter or digit first"
    )


def test_a_key_that_would_break_a_line_is_not_repeated(wrong, file) -> None:
    assert wrong('targets: {"a\\nb": {redis: {address: h}}}') == (
        f"file {file} line 1: expected a name before the colon",
    )


@pytest.mark.parametrize("text", ["a:", "a: {}", "a: {postgres: }", "a: {redis: {address: ~}}"])
def test_a_target_with_nothing_in_it_is_refused(wrong, file, text) -> None:
    assert wrong(f"targets:\n  {text}") == (f"file {file} line 2, key targets.a: {NO_SERVER}",)


def test_a_target_without_a_server_is_refused(wrong, file, findings) -> None:
    assert wrong("targets:\n  a: {labels: {env: prod}}") == (f"targets.a (file {file} line 2): {NO_SERVER}",)
    assert findings(environ={"EXPORTER_TARGETS__A__REDIS__USERNAME": "me"}) == (
        f"targets.a (variable EXPORTER_TARGETS__A__REDIS__USERNAME): {NO_SERVER}",
    )


def test_unknown_keys_are_named_with_the_nearest_one(wrong, file) -> None:
    assert wrong("""
targets:
  a: {postgre: {dsn: hunter2}}
  b: {postgres: {dns: hunter2}}
  c: {web: {listen_address: hunter2}}
  d: {collector: {stat_databse: hunter2}}
  e: {redis: {address: {host: hunter2}}}
  f: hunter2
  g: {redis: hunter2}
""") == (
        f"file {file} line 3, key targets.a.postgre: no such setting; did you mean postgres?",
        (
            f"file {file} line 4, key targets.b.postgres.dns: no such setting;"
            " did you mean targets.b.postgres.dsn?"
        ),
        (
            f"file {file} line 5, key targets.c.web: no such setting;"
            " expected collector, labels, on_metrics, pgbouncer, postgres, redis, scrape"
        ),
        (
            f"file {file} line 6, key targets.d.collector.stat_databse: no such setting;"
            " did you mean targets.d.collector.stat_database?"
        ),
        f"targets.e.redis.address (file {file} line 7): expected a value or a list of values",
        f"file {file} line 8: targets.f: expected keys with values",
        f"file {file} line 9: targets.g.redis: expected keys with values",
    )


def test_unknown_variables_are_named_with_the_nearest_one(findings, tmp_path) -> None:
    (tmp_path / "targets__orders__postgres__pasword").write_text(SECRET)
    environ = {
        "EXPORTER_TARGETS__ORDERS__POSTGRES__DNS": SECRET,
        "EXPORTER_TARGETS__ORDERS": SECRET,
        "EXPORTER_TARGETS__ORDERS__HOST__X": SECRET,
    }
    found = findings([f"--config.secrets-dir={tmp_path}"], environ)

    assert found == (
        "variable EXPORTER_TARGETS__ORDERS: no such setting",
        "variable EXPORTER_TARGETS__ORDERS__HOST__X: no such setting",
        (
            "variable EXPORTER_TARGETS__ORDERS__POSTGRES__DNS: no such setting;"
            " did you mean EXPORTER_TARGETS__ORDERS__POSTGRES__DSN?"
        ),
        (
            f"secret file {tmp_path}/targets__orders__postgres__pasword: its name is no setting;"
            " did you mean targets__orders__postgres__password?"
        ),
    )


def test_bad_values_are_named_by_key_and_place(wrong, file) -> None:
    assert wrong(f"""
targets:
  a:
    postgres: {{dsn: "{SECRET} {SECRET}", exclude_databases: [ok, "["]}}
    scrape: {{timeout_seconds: {SECRET}}}
    on_metrics: {SECRET}
  b:
    redis: {{address: "{SECRET} {SECRET}", password: a, password_file: /nowhere/pw}}
""") == (
        (
            f"targets.b.redis.password and targets.b.redis.password_file are both given"
            f" (file {file} line 8; file {file} line 8): keep one"
        ),
        (
            f"targets.b.redis.password_file (file {file} line 8): /nowhere/pw does not exist:"
            " create it, or leave the setting out"
        ),
        (
            f"targets.a.postgres.dsn (file {file} line 4):"
            " expected postgresql://user:password@host:port/database, or name=value pairs (host=... user=...)"
        ),
        (
            f"targets.a.postgres.exclude_databases (file {file} line 4): item 2:"
            " expected a regular expression (it breaks off at character 1)"
        ),
        f"targets.a.scrape.timeout_seconds (file {file} line 5): expected a valid number",
        f"targets.a.on_metrics (file {file} line 6): expected a valid boolean",
        (
            f"targets.b.redis.address (file {file} line 8): expected host:port or a URL (redis, rediss,"
            " valkey, valkeys or unix://); write @ / ? # and % in a password as %40 %2F %3F %23 %25"
        ),
    )


def test_a_bad_value_of_the_top_level_is_named_once(wrong, file) -> None:
    assert wrong("scrape: {timeout_seconds: no}\ntargets: {a: {redis: {address: h}}}") == (
        f"scrape.timeout_seconds (file {file} line 1): expected a valid number",
    )


def test_no_flag_makes_a_target(findings) -> None:
    for argv in ([f"--targets.a.redis.password={SECRET}"], ["--targets.a.redis.password", SECRET]):
        assert findings(argv) == (
            "flag --targets.a.redis.password: no such flag: named targets stand in the file or in variables",
        )


def test_several_servers_in_one_variable_are_told_where_they_belong(findings) -> None:
    (finding,) = findings(environ={"DATA_SOURCE_NAME": f"postgresql://a/,postgresql://u:{SECRET}@b/"})

    assert "put each under a name in targets" in finding
    assert SECRET not in finding


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("postgres__password_file", ("postgres", "password_file")),
        ("TARGETS__A__POSTGRES__DSN", ("targets", "a", "postgres", "dsn")),
        ("targets__a__collector__x__y", ("targets", "a", "collector", "x__y")),
        ("targets__a__labels", ("targets", "a", "labels")),
        ("targets", ("targets",)),
        ("collector__x__y", ("collector", "x__y")),
    ],
)
def test_two_underscores_part_the_steps(text, key) -> None:
    assert from_underscores(text) == key


def test_keys_know_targets_of_any_good_name() -> None:
    keys = Keys(settings_type({}))

    assert ("targets", "a.b-c_1", "postgres", "dsn") in keys
    assert keys["targets", "a", "labels"] == keys["targets", "b", "labels"]
    for key in (
        ("targets",),
        ("targets", "a"),
        ("targets", "A", "labels"),
        ("targets", "a", "host", "procfs"),
    ):
        assert key not in keys
        with pytest.raises(KeyError):
            keys[key]
    assert keys.inside(("targets", "a", "scrape")) == keys.inside(("scrape",))
    assert keys.inside(("targets", "A")) == keys.inside(("postgres", "dsn")) == []


# Labels


def test_labels_from_each_source(load, read) -> None:
    expected = (("env", "prod"), ("team", "a b"))

    assert read("postgres: {labels: {env: prod, team: a b}}").postgres.labels == expected
    assert read("postgres: {labels: 'env=prod,team=a b'}").postgres.labels == expected
    assert read("redis: {labels: [env=prod, team=a b]}").redis.labels == expected
    assert load(["--pgbouncer.labels=env=prod, team=a b"]).pgbouncer.labels == expected
    assert load(["--redis.labels=env=prod", "--redis.labels", "team=a b"]).redis.labels == expected
    assert load(environ={"EXPORTER_REDIS__LABELS": "env=prod,team=a b"}).redis.labels == expected
    assert load(environ={"PG_EXPORTER_CONSTANT_LABELS": "env=prod,team=a b"}).postgres.labels == expected
    assert load(environ={"EXPORTER_POSTGRES__LABELS": ""}).postgres.labels == ()


def test_a_mapping_takes_any_text_as_a_value(read) -> None:
    labels = read("postgres: {labels: {a: '1,b=2', c: 0123, d: yes, e: , f: 'x=\"y\"\\z'}}").postgres.labels

    assert labels == (("a", "1,b=2"), ("c", "0123"), ("d", "yes"), ("e", ""), ("f", 'x="y"\\z'))


def test_the_labels_of_a_target_are_those_of_its_servers(read) -> None:
    target = read("""
targets:
  a:
    labels: {env: prod, shard: "1"}
    postgres: {dsn: "", labels: {shard: "2", role: primary}}
    redis: {address: h}
""").target("a")

    assert target.postgres.labels == (("env", "prod"), ("shard", "2"), ("role", "primary"))
    assert target.redis.labels == (("env", "prod"), ("shard", "1"))


@pytest.mark.parametrize("name", ["1a", "a-b", "a.b", "__name__", "__a", "é", "a b", "''"])
def test_a_name_that_prometheus_does_not_take_is_refused(wrong, file, name) -> None:
    assert wrong(f"redis: {{labels: {{{name}: {SECRET}}}}}") == (
        (
            f"redis.labels (file {file} line 1):"
            " expected label names of letters, digits and _, no digit and no __ in front"
        ),
    )


def test_labels_in_another_shape_are_refused(wrong, findings, file) -> None:
    assert findings(environ={"EXPORTER_REDIS__LABELS": f"env=prod,{SECRET}"}) == (
        (
            "redis.labels (variable EXPORTER_REDIS__LABELS):"
            " expected name=value pairs with commas between, or a mapping in the file"
        ),
    )
    assert findings(environ={"EXPORTER_REDIS__LABELS": f"a=1,a={SECRET}"}) == (
        "redis.labels (variable EXPORTER_REDIS__LABELS): expected each label once",
    )
    assert wrong(f"redis: {{labels: {{a: [{SECRET}]}}}}") == (
        f"redis.labels (file {file} line 1): expected names with values",
    )
    assert wrong("redis: {labels: {a: 1, a: 2}}") == (
        f"file {file} line 1, key redis.labels.a: stands twice",
    )


def test_labels_that_metrics_have_are_refused(file) -> None:
    assert clashes("postgres: {labels: {datname: x, env: x}}\nredis: {labels: {target: x}}", file) == (
        f"postgres.labels (file {file} line 1): expected another name than datname: metrics have that",
        f"redis.labels (file {file} line 2): expected another name than target: metrics have that",
    )
    assert clashes("targets: {a: {redis: {address: h}, labels: {db: x, datname: x}}}", file) == (
        f"targets.a.labels (file {file} line 1): expected another name than db: metrics have that",
    )
    (finding,) = clashes("targets: {a: {postgres: {dsn: '', labels: {state: x}}, labels: {db: x}}}", file)
    assert finding.startswith(
        f"targets.a.postgres.labels (file {file} line 1): expected another name than state"
    )


def test_a_label_of_other_servers_metrics_is_free(file) -> None:
    file.write_text("redis: {labels: {datname: x}}\ntargets: {a: {postgres: {dsn: ''}, labels: {db: x}}}")
    settings = load_settings([f"--config.file={file}"], {}, {}, TAKEN)

    assert settings.redis.labels == (("datname", "x"),)
