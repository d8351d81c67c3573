from __future__ import annotations

import pytest

from exporter.collectors.redis.redis_distribution import BOUNDS
from exporter.model.errors import Skip
from exporter.sources.redis.fake import FakeRedis
from tests.unit.collectors.redis.conftest import Run

INFO = """# Keysizes
db0_distrib_strings_sizes:0=1,1=2,2=3,4=4,1K=5,1M=6,4G=7
db10_distrib_hashes_items:8=1
db0_distrib_tries_items:1=1
db0_distrib_strings_colours:1=1
nonsense:1=1
"""


async def test_groups_become_fixed_buckets_without_a_guess(run: Run) -> None:
    found = await run("redis_distribution", FakeRedis(INFO))
    strings = {
        int(le): n
        for (db, kind, le), n in found["redis_db_key_sizes_bucket"].items()
        if (db, kind) == ("db0", "string") and le != "+Inf"
    }
    # 2=3 are sizes 2 and 3, 4=4 are 4 to 7: below 15 all of them.
    assert (strings[1], strings[3], strings[15], strings[1023], strings[4095]) == (3, 6, 10, 10, 15)
    assert strings[2**20 - 1] == 15
    assert strings[2**22 - 1] == 21
    assert strings[BOUNDS[-1]] == 21
    assert found["redis_db_key_sizes_bucket"]["db0", "string", "+Inf"] == 28
    assert found["redis_db_key_sizes_count"] == {
        ("db0", "string"): 28,
        ("db10", "hash"): 1,
        ("db0", "tries"): 1,
    }


def test_every_bound_is_the_end_of_a_group_of_the_server() -> None:
    assert all((bound + 1).bit_count() == 1 for bound in BOUNDS)


async def test_an_older_server_is_skipped(run: Run) -> None:
    with pytest.raises(Skip):
        await run("redis_distribution", FakeRedis("redis_version:7.0.15"))


@pytest.mark.parametrize("text", ["", "=", "1=x,K=1,1Q=1,-1=1", "9" * 400 + "=1,1=" + "9" * 400])
async def test_what_cannot_be_read_is_left_out(run: Run, text: str) -> None:
    found = await run("redis_distribution", FakeRedis(f"# Keysizes\ndb0_distrib_lists_items:{text}"))
    assert set(found["redis_db_key_sizes_bucket"].values()) == {0}
