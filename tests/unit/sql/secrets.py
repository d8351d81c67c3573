"""Statements with a secret in them, wherever one can stand: in values, comments, names and utility commands.

Run `SETUP` before those of `runnable_statements`; each then runs by itself on every version, as a superuser,
in one session with autocommit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, islice

SETUP = (
    "create table vault (id bigint primary key, note text, data jsonb)",
    "create role keeper login",
    "create procedure keep(note text) language sql as 'select 1'",
)
"""What the runnable ones need."""

RUNNABLE = (
    "select * from vault where note = '{s}'",
    "SELECT note FROM vault WHERE note LIKE '%{s}%' OR note ~ '^{s}' LIMIT 3",
    "select * from vault where id = {n}",
    "select * from vault where id > -{n} and id < {n}.5e1",
    "select * from vault where note in ('a', '{s}', 'b')",
    "select * from vault where id in (1, {n}, 3)",
    "select * from vault where note = any(array['{s}', 'b']) or note = any('{{{s}}}')",
    'select * from vault where data @> \'{{"password": "{s}"}}\'',
    "select 'it''s {s}', 'a' as b",
    "select E'it\\'s {s}'",
    "select U&'\\0061{s}', N'{s}'",
    "select $$ it's {s} $$",
    "select $tag$ $$ {s} $$ $tag$",
    "select 'two'\n'{s}'",
    "select 'C:\\', '{s}', 'D:\\'",
    "select text '{s}', '{s}'::text, cast('{s}' as text), varchar(90) '{s}'",
    "select md5('{s}'), length('{s}'), format('%s', '{s}')",
    "select set_config('app.token', '{s}', false)",
    "select case when note = '{s}' then '{s}' else 'x' end from vault",
    "select * from vault order by note = '{s}' limit 1",
    "values ('{s}', 1), ('{s}', 2)",
    "with found as (select '{s}'::text as note) select * from found",
    "insert into vault (id, note) values ({n}, '{s}') on conflict (id) do update set note = '{s}'",
    "insert into vault (id, note) values (1, 'a'), ({n}, '{s}'), (3, 'c') on conflict do nothing",
    "insert into vault (id, note) select {n}, '{s}' on conflict do nothing returning note || '{s}'",
    "update vault set note = '{s}' where id = 1",
    "delete from vault where note = '{s}'",
    "select 1 /* {s} */",
    "/* {s} */ select 1",
    "-- {s}\nselect 1",
    "select 1 -- {s}",
    "select 1 /* a /* {s} */ b */ + 1",
    "select 1 /*controller='{s}',traceparent='00-{s}-01'*/",
    'select 1 as "{s}"',
    "select 1 as {s}",
    "select 1 {s}",
    "select id {s} from vault order by {s} desc",
    'select id as "password={s}" from vault',
    "select {s}.id from vault as {s}",
    "select {s}.id from vault {s} where {s}.note is null",
    'select "a b {s}".id from vault "a b {s}"',
    "with {s} as (select 1) select * from {s}",
    "with x({s}) as (select 1) select {s} from x",
    "select q.{s} from (select 1 as {s}) q where q.{s} = 1",
    "select q.{s} as {s} from (select count(*) {s} from vault) q",
    "select count(*) over {s} from vault window {s} as (order by id)",
    "select {s} from generate_series(1, 2) as g({s})",
    'select "{s}", x from json_to_recordset(null) as ("{s}" int, x text)',
    'select U&"\\0061{s}" from (select 1 as U&"\\0061{s}") q',
    "alter role keeper password '{s}'",
    "ALTER USER keeper WITH PASSWORD '{s}' VALID UNTIL 'infinity'",
    "set app.token = '{s}'",
    "set app.{s} = 'x'",
    "comment on table vault is '{s}'",
    "do $$ begin perform '{s}'; end $$",
    "do 'begin perform ''{s}''; end'",
    "call keep('{s}')",
    "alter table vault alter note set default '{s}'",
    "create or replace view vault_view as select '{s}'::text as note",
    "create or replace function vault_function() returns text language sql as $$ select '{s}'::text $$",
    "create or replace function vault_function() returns text language sql as 'select ''{s}''::text'",
    "create temporary table if not exists vault_copy as select '{s}'::text as note",
    "prepare {s} as select '{s}'::text",
    "explain select '{s}', 1 as {s}",
    "explain (costs off) select * from vault where note = '{s}'",
    "notify channel, '{s}'",
)
"""`{s}` is a word, `{n}` a number."""

OTHERS = (
    "select * from vault where note = '{s}",
    "select * from vault where note = 'a' and note <> E'a\\'{s}",
    "select * from vault where note = $tag${s}",
    "select * from vault where note = $tag${s}$ta",
    "select * from vault /* {s}",
    "select * from vault -- {s}",
    'select "{s}',
    'select U&"{s}',
    "select * from vault where id = {n}e+",
    "select * from vault where note = 'a\\', {s} '",
    'select * from vault where note = "{s}"',
    'select * from vault where note like "{s}" or note in ("{s}", \'b\')',
    'select * from "{s}@example.com"',
    'select "key: {s}" from vault',
    "select 1; alter role keeper password '{s}'; select 2",
    "begin; set app.token = '{s}'; commit",
    "alter role keeper password '{s}",
    "alter role keeper passw{s}",
    "create user mapping for keeper server far options (user 'keeper', password '{s}')",
    "create server far foreign data wrapper postgres_fdw options (host '{s}')",
    "create subscription s connection 'host=far password={s}' publication p",
    "copy vault from program 'curl -H token:{s} far'",
    "copy (select * from vault where note = '{s}') to stdout",
    "execute q('{s}')",
    "declare {s} cursor for select '{s}'",
    "savepoint {s}",
    "listen {s}",
    "security label on table vault is '{s}'",
    "create table if not exists {s} (note text default '{s}')",
    "create policy p on vault using (note = '{s}')",
    "create function f() returns text begin atomic select '{s}'; select '{s}'; end",
    "explain analyze verbose execute q('{s}')",
    "explain (format json) select * from vault where note = '{s}",
    "merge into vault using (select '{s}' as {s}) x on note = {s} when matched then update set note = '{s}'",
    "{s}",
    "{s} '{s}'",
    "'{s}'",
    "grant {s} to keeper",
)
"""Those that were cut, fail, or need more than `SETUP`."""


def secret_statements(number: int) -> list[tuple[str, str]]:
    """So many different statements, each with its secret."""
    return _made(RUNNABLE + OTHERS, number)


def runnable_statements(number: int) -> list[tuple[str, str]]:
    """The same, only such that run on a server."""
    return _made(RUNNABLE, number)


def _made(templates: Sequence[str], number: int) -> list[tuple[str, str]]:
    return list(islice(_endless(templates), number))


def _endless(templates: Sequence[str]) -> Iterator[tuple[str, str]]:
    """A word or a number, whichever the template has; statements that have both are known by the word."""
    for n in count():
        for template in templates:
            word, digits = f"hunter{n:04}zq", f"4111{n:012}"
            sql = template.format(s=word, n=digits)
            if word in sql or digits in sql:
                yield sql, word if word in sql else digits
