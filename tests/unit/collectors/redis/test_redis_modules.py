"""Modules and search indexes: on answers that were written from lists of fields."""

from __future__ import annotations

import csv
import re

import pytest

from exporter.model.errors import Reason, Refused, Skip
from exporter.sources.redis.fake import FakeRedis
from tests.docs.upstream import COMPAT
from tests.replay_redis import collectors, played
from tests.unit.collectors.redis.conftest import Run


async def test_modules_are_all_there_though_their_lines_have_one_name(run: Run) -> None:
    found = await run("redis_modules", played("modules-redis"))
    assert found["redis_module_info"] == {
        ("bf", "80200", "1", "0", "[]", "[]"): 1,
        ("search", "80200", "1", "0", "[]", "[ReJSON]"): 1,
        ("ReJSON", "80200", "1", "0", "[search]", "[]"): 1,
    }
    assert found["redis_search_indexing_time_ms_total"] == {(): 33.5}
    assert "redis_bf_bloom_num_objects" not in found


async def test_what_valkeys_modules_say(run: Run) -> None:
    found = await run("redis_modules", played("modules-valkey"))
    assert found["redis_bf_bloom_defrag_hits_total"] == {(): 1}
    assert found["redis_json_num_documents"] == {(): 6}
    assert found["redis_search_worker_pool_suspend_count"] == {(): 3}


async def test_indexes_in_bytes_and_one_that_is_gone(run: Run) -> None:
    found = await run("redis_search_indexes", played("modules-redis"))
    assert found["redis_search_index_num_docs"] == {("idx:docs",): 1100}
    assert found["redis_search_index_vector_index_size_bytes"] == {("idx:docs",): 1.25 * 1048576}
    assert found["redis_search_index_number_of_uses_total"] == {("idx:docs",): 12}
    assert found["redis_search_index_avg_per_term_offsets"] == {("idx:docs",): None}


async def test_only_indexes_that_match_are_asked_for(run: Run) -> None:
    server = played("modules-redis")
    server.search_indexes = re.compile("^other")
    found = await run("redis_search_indexes", server)
    assert server.asked == [("INFO", "MODULES"), ("FT._LIST",)]
    assert found["redis_search_index_num_docs"] == {}


async def test_the_number_of_indexes_is_bounded(run: Run) -> None:
    modules = "module:name=search,ver=1\r\n"
    server = FakeRedis("", {("INFO", "MODULES"): modules, ("FT._LIST",): [f"i{n}" for n in range(1000)]})
    await run("redis_search_indexes", server)
    assert len(server.asked) == 202


async def test_a_server_without_a_search_module_is_not_asked_for_indexes(run: Run) -> None:
    server = FakeRedis("", {("INFO", "MODULES"): "# Modules\r\nmodule:name=research,ver=1\r\n"})
    with pytest.raises(Skip):
        await run("redis_search_indexes", server)
    assert server.asked == [("INFO", "MODULES")]


@pytest.mark.parametrize("name", ["redis_modules", "redis_search_indexes"])
async def test_without_the_command_they_are_skipped(run: Run, name: str) -> None:
    refused = Refused("no", Reason.UNSUPPORTED)
    with pytest.raises(Skip):
        await run(name, FakeRedis("", {("FT._LIST",): refused, ("INFO", "MODULES"): refused}))


def test_all_names_of_upstream_are_declared_with_their_type_and_labels() -> None:
    with (COMPAT / "upstream_names.tsv").open(newline="") as file:
        upstream = {line["metric"]: line for line in csv.DictReader(file, delimiter="\t")}
    ours = {metric.name: metric for spec in collectors().values() for metric in spec.metrics}
    begin = (
        "redis_search_",
        "redis_bf_",
        "redis_json_",
        "redis_module_",
        "redis_connected_client_",
        "redis_config_",
        "redis_commandlog_",
        "redis_rdb_current_size",
    )
    chosen = {name: line for name, line in upstream.items() if name.startswith(begin)}
    assert len(chosen) > 100
    for name, line in chosen.items():
        labels = [part.split("[")[0] for part in line["labels"].split(",") if part.split("[")[0]]
        assert ours[name].kind.value == line["type"], name
        assert set(labels) - {"port]", "user]"} <= set(ours[name].labels), name
