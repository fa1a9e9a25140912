"""Chunks and stable ids."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_RELEASES, CHUNK_KIND_REPORTS, Chunk, ChunkEntry
from parcelgate.api.record.v1.declaration_pb2 import ENVIRONMENT_LIVE, ENVIRONMENT_TEST, DeclarationKey
from parcelgate.api.record.v1.item_pb2 import ItemKey
from parcelgate.core import chunk, naming
from parcelgate.core.port import Message
from parcelgate.core.press import on_its_way

ADDRESS = chunk.Address("advance", "postal", CHUNK_KIND_REPORTS, ENVIRONMENT_TEST, "post-cn")


def packed(bodies, seed="seed"):
    return list(chunk.pack(ADDRESS, [(ChunkEntry(data_key=str(n)), body) for n, body in enumerate(bodies)], seed))


@given(st.lists(st.integers(0, 60_000), max_size=40))
def test_every_entry_travels_once_in_order_and_chunks_keep_their_limits(sizes):
    chunks = [Chunk.FromString(message.body) for message in packed([b"x" * size for size in sizes])]
    assert [len(item) for one in chunks for item in one.items] == sizes
    assert [entry.data_key for one in chunks for entry in one.head.entries] == [str(n) for n in range(len(sizes))]
    for one in chunks:
        assert len(one.items) == len(one.head.entries)
        assert len(one.items) == 1 or one.ByteSize() <= chunk.MOST_BYTES + 4096


def test_a_thousand_small_entries_make_four_chunks():
    assert [len(Chunk.FromString(message.body).items) for message in packed([b"x"] * 1000)] == [250] * 4


def test_releases_are_in_clear_and_250_of_them_travel_together_in_less_than_128_kb():
    address = replace(ADDRESS, kind=CHUNK_KIND_RELEASES)
    words = b"the item was released without duty; the assessment found nothing to ask about. "
    entries = [(ChunkEntry(data_key=str(n)), b"%032x" % (n * 0x9E3779B97F4A7C15) + words * 12) for n in range(500)]
    messages = list(chunk.pack(address, entries, "seed"))
    assert [len(Chunk.FromString(message.body).items) for message in messages] == [250, 250]
    assert all(len(on_its_way(message).body) < chunk.MOST_BYTES for message in messages)


def test_a_large_entry_travels_alone():
    sizes = [10, chunk.LARGEST_ENTRY, 10]
    assert [len(Chunk.FromString(message.body).items) for message in packed([b"x" * size for size in sizes])] == [
        1,
        1,
        1,
    ]


def test_the_same_entries_get_the_same_ids_and_others_do_not():
    ids = [message.id for message in packed([b"x"] * 600)]
    assert ids == [message.id for message in packed([b"x"] * 600)]
    assert len(set(ids) | {message.id for message in packed([b"x"] * 600, "other")}) == 6


def test_the_key_says_environment_channel_and_partner():
    assert {message.key for message in packed([b"x"])} == {"test.postal.post-cn"}


def test_a_chunk_splits_into_its_entries_with_ids_that_follow_from_its_own():
    (message,) = packed([b"a", b"b"])
    singles = chunk.split(message)
    assert [Chunk.FromString(one.body).items[0] for one in singles] == [b"a", b"b"]
    assert [one.id for one in singles] == [f"{message.id}.0", f"{message.id}.1"]
    assert [Chunk.FromString(one.body).head.entries[0].data_key for one in singles] == ["0", "1"]


def test_what_is_no_chunk_stays_whole():
    garbage = Message("m1", "advance", "test.postal.post-cn", b"\xff\xff\xff")
    assert chunk.split(garbage) == [garbage]


def key(**changed):
    item = ItemKey(scheme=1, issuer="CN", identifier="LA123456785CN", posting_date="2026-11-01")
    whole = DeclarationKey(item=item, flow=1, partner="post-cn", environment=ENVIRONMENT_TEST)
    for name, value in changed.items():
        setattr(whole.item if hasattr(whole.item, name) else whole, name, value)
    return naming.declaration_id(whole)


def test_every_part_of_the_key_makes_another_declaration():
    changes = (
        {"identifier": "LA123456799CN"},
        {"posting_date": "2026-11-02"},
        {"issuer": "HK"},
        {"flow": 2},
        {"partner": "post-jp"},
        {"environment": ENVIRONMENT_LIVE},
    )
    assert len({key(), *(key(**change) for change in changes)}) == 7
    assert key() == key()


def test_receipts_are_new_every_time():
    assert len({naming.receipt() for _ in range(1000)}) == 1000


def test_only_the_key_of_a_bulk_chunk_names_its_lane():
    assert ADDRESS.key == "test.postal.post-cn"
    assert replace(ADDRESS, lane="bulk").key == "test.postal.post-cn.bulk"
