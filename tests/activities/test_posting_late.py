"""Our own posting arrives while its outcome is unknown here: that is nobody else's change, and no refusal."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from activities import posting_life
from activities.world import World
from domain.books.outcomes import OutcomeTransaction, Receipt
from domain.errors import ConflictError, InvariantError, MosError, RejectedError
from tests.activities.test_posting_parts import KEY, KilledError, first, post, shop, wanted, whole
from tests.support.shop import Shop

__all__ = ["shop"]
Post = Callable[[OutcomeTransaction], Awaitable[Receipt]]


def arriving_late(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its worker dies when it is sent, and it is committed just after the next worker has looked its key up."""
    post_, find, on_its_way = shop.post, shop.find, list[OutcomeTransaction]()

    async def sent(transaction: OutcomeTransaction) -> Receipt:
        if on_its_way:
            return await post_(transaction)
        on_its_way.append(transaction)
        raise KilledError

    async def looked_up(key: str) -> Receipt | None:
        found = await find(key)
        if found is None and on_its_way:
            await post_(on_its_way[0])
        return found

    monkeypatch.setattr(shop, "post", sent)
    monkeypatch.setattr(shop, "find", looked_up)


async def test_what_a_dead_worker_had_sent_is_no_change_of_somebody_else(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    arriving_late(shop, monkeypatch)
    monkeypatch.setattr(posting_life, "_FRESH", timedelta(0))
    request = wanted(first("JO-1"))
    with pytest.raises(KilledError):
        await post(world, request)
    assert ((await whole(world)).status, shop.order) == ("posting", [])
    assert (await post(world, request)).status == "posted"
    assert ((await whole(world)).status, shop.order) == ("posted", [KEY])


def doubled(post_: Post, error: MosError) -> Post:
    """The wire has brought it twice, and the answer is that to the second."""

    async def post_twice(transaction: OutcomeTransaction) -> Receipt:
        await post_(transaction)
        raise error

    return post_twice


@pytest.mark.parametrize("error", [ConflictError("changed"), RejectedError("closed"), InvariantError("odd")], ids=repr)
async def test_a_refusal_of_what_stands_already_is_none(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch, error: MosError
) -> None:
    monkeypatch.setattr(shop, "post", doubled(shop.post, error))
    assert (await post(world, wanted(first("JO-1")))).status == "posted"
    assert (await whole(world)).documents == [KEY]


async def test_what_stands_under_its_key_with_another_payload_is_not_it(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop, "post", doubled(shop.post, ConflictError("other", code="shop.key_reused")))
    assert (await post(world, wanted(first("JO-1")))).status == "rejected"
    assert (await whole(world)).status == "dead_lettered"


async def test_a_refusal_of_what_does_not_stand_is_one(world: World, shop: Shop) -> None:
    shop.refuses.add("JO-1")
    assert (await post(world, wanted(first("JO-1")))).status == "rejected"
    assert (await whole(world)).status == "dead_lettered"
