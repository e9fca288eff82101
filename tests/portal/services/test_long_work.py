import asyncio

from portal.services.long_work import PART_ROWS, in_parts


async def test_others_have_their_turn_between_the_parts() -> None:
    order: list[object] = []

    async def other() -> None:
        while len(order) < 6:
            order.append("other")
            await asyncio.sleep(0)

    waiting = asyncio.create_task(other())
    items = range(2 * PART_ROWS + 1)
    async for part in in_parts(items):
        order.append(part)  # noqa: PERF401 - each as it comes
    await waiting
    parts = [one for one in order if one != "other"]
    assert parts == [items[:PART_ROWS], items[PART_ROWS:-1], items[-1:]]
    assert order[1] == "other"
    assert order[3] == "other"


async def test_of_nothing_there_is_no_part() -> None:
    assert [part async for part in in_parts(())] == []
