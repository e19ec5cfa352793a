"""The system's chance: never the same bytes twice, whoever asks and however much."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ringline.base import SystemRandom, uuid4


def test_no_byte_is_given_out_twice() -> None:
    random = SystemRandom()
    given = [random.bytes(16) for _ in range(3000)]
    assert {len(each) for each in given} == {16}
    assert len(set(given)) == len(given)


def test_any_amount_is_given() -> None:
    random = SystemRandom()
    assert [len(random.bytes(count)) for count in (0, 1, 4095, 4096, 10_000, 3)] == [0, 1, 4095, 4096, 10_000, 3]
    assert SystemRandom().bytes(32) != SystemRandom().bytes(32)


def test_threads_get_different_bytes() -> None:
    random = SystemRandom()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: uuid4(random), range(4000)))
    assert len(set(found)) == len(found)
