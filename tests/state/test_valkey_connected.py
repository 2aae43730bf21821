"""Who is the first to ask a cluster finds connections with all of its nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from engine.state.valkey import Valkey
from tests.state.servers import MISSING, PROGRAM
from tests.state.test_valkey_cluster import TENANTS, Nodes, of, remaining, take

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Nodes]:
    made = Nodes()
    yield made
    made.stop()


def test_all_nodes_are_connected_with_before_anybody_asks(cluster: Nodes) -> None:
    async def story() -> None:
        far = Valkey(cluster.nodes[0].address, timeout=60)
        for _ in range(2):
            await far.connect()
            assert set(far.states.values()) == {"closed"}
            there = [node.do("CLIENT", "LIST").count(b" addr=127.0.0.1:") for node in cluster.nodes]
            assert len(far.states) == len(cluster.nodes)
            assert all(there)
        await far.close()

    asyncio.run(story())


def test_a_cluster_that_does_not_tell_its_nodes_is_asked_again_by_who_decides(
    cluster: Nodes,
) -> None:
    cluster.nodes[0].do("ACL", "SETUSER", "default", "-cluster|slots")

    async def story() -> None:
        far = Valkey(cluster.nodes[0].address, timeout=60)
        await far.connect()
        cluster.nodes[0].do("ACL", "SETUSER", "default", "+cluster|slots")
        (answer,) = await far.run([take(of(TENANTS[0]))], 0)
        assert remaining(answer) == [9]
        await far.close()

    asyncio.run(story())
