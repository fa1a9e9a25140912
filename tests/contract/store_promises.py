"""What every store promises. An implementation runs all of it from a module that only chooses it."""

import pytest

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.port import (
    AlreadySeenError,
    ConflictError,
    DataKey,
    Dead,
    Delivery,
    Message,
    Outcome,
    Postponed,
    Transaction,
    Write,
)

NOW = 1_790_000_000_000_000


def message(number: int = 1) -> Message:
    return Message(f"m{number}", "advance", "test.postal.post-cn", b"body %d" % number)


def delivery(response: str, partner: str = "post-cn", environment: str = "test") -> Delivery:
    return Delivery(partner, environment, response, "release", response.encode())


def transaction(outcome: Outcome | None = None, *seen: str, consumer: str = "router") -> Transaction:
    return Transaction(consumer, seen, outcome or Outcome(), NOW)


class StorePromises:
    """The suite; open_store makes a store that is the same every time within one test."""

    async def test_what_was_committed_is_there_after_a_restart(self, open_store):
        store = await open_store()
        await store.commit(transaction(Outcome(messages=[message()], deliveries=[delivery("r1")]), "m0"))
        await store.close()
        store = await open_store()
        assert await store.unsent(10) == [message()]
        assert await store.seen("router", ["m0", "m1"]) == {"m0"}
        assert [one.delivery for one in await store.deliveries("post-cn", "test", 0, 10)] == [delivery("r1")]

    async def test_a_message_seen_before_changes_nothing(self, open_store):
        store = await open_store()
        await store.commit(transaction(Outcome(messages=[message(1)]), "m0"))
        with pytest.raises(AlreadySeenError):
            await store.commit(transaction(Outcome(messages=[message(2)], deliveries=[delivery("r2")]), "m7", "m0"))
        assert await store.unsent(10) == [message(1)]
        assert await store.seen("router", ["m7"]) == set()
        assert await store.deliveries("post-cn", "test", 0, 10) == []

    async def test_consumers_have_inboxes_of_their_own(self, open_store):
        store = await open_store()
        await store.commit(transaction(None, "m0", consumer="router"))
        await store.commit(transaction(None, "m0", consumer="monitor"))
        assert await store.seen("monitor", ["m0"]) == {"m0"}

    async def test_a_taken_key_is_a_conflict_and_keeps_nothing(self, open_store):
        store = await open_store()
        await store.commit(transaction(Outcome(keys=[DataKey("k1", b"1")], messages=[message(1)])))
        taken = Outcome(keys=[DataKey("k1", b"2")], messages=[message(2)], deliveries=[delivery("r1")])
        with pytest.raises(ConflictError):
            await store.commit(transaction(taken, "m9"))
        assert await store.unsent(10) == [message(1)]
        assert await store.data_keys(["k1"]) == {"k1": b"1"}
        assert await store.seen("router", ["m9"]) == set()
        assert await store.deliveries("post-cn", "test", 0, 10) == []

    async def test_an_exact_write_that_finds_its_row_changed_is_a_conflict(self, open_store):
        store = await open_store()
        missing = Write("bus.probe_update", [("nothing", "no queue")], exact=True)
        with pytest.raises(ConflictError):
            await store.commit(transaction(Outcome(writes=[missing], messages=[message()]), "m0"))
        assert await store.unsent(10) == []

    async def test_a_failed_transaction_does_not_take_its_neighbours_with_it(self, open_store):
        import asyncio

        store = await open_store()
        await store.commit(transaction(None, "m0"))
        results = await asyncio.gather(
            store.commit(transaction(Outcome(messages=[message(1)]), "m1")),
            store.commit(transaction(Outcome(messages=[message(2)]), "m0")),
            store.commit(transaction(Outcome(messages=[message(3)]), "m3")),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [type(None), AlreadySeenError, type(None)]
        assert {one.id for one in await store.unsent(10)} == {"m1", "m3"}

    async def test_the_same_message_meant_twice_is_sent_once(self, open_store):
        store = await open_store()
        await store.commit(transaction(Outcome(messages=[message(1)]), "a"))
        await store.commit(transaction(Outcome(messages=[message(1), message(2)]), "b"))
        assert await store.unsent(10) == [message(1), message(2)]

    async def test_a_sent_message_leaves_the_outbox(self, open_store):
        store = await open_store()
        await store.commit(transaction(Outcome(messages=[message(1), message(2)])))
        await store.mark_sent(["m1"])
        assert await store.unsent(10) == [message(2)]

    async def test_the_backlog_is_what_waits_to_be_sent(self, open_store):
        store = await open_store()
        assert await store.backlog() == 0
        await store.commit(transaction(Outcome(messages=[message(number) for number in range(5)])))
        assert await store.backlog() == 5
        await store.mark_sent(["m1", "m2"])
        assert await store.backlog() == 3

    async def test_writes_of_one_step_happen_in_their_order(self, open_store):
        """What a later write says holds, also when it concerns rows that an earlier one wrote."""
        store = await open_store()
        name = ("test", "nz-customs", "N1")
        add, drop = (
            Write("router.add_reports", [(*name, "place", "WAITING", NOW, b"body")]),
            Write("router.drop_reports", [name]),
        )
        await store.commit(transaction(Outcome(writes=[add, drop])))
        assert await store.read("router.find_waiting", ["place"]) == []
        await store.commit(transaction(Outcome(writes=[add, drop, add])))
        assert await store.read("router.find_waiting", ["place"]) == [(*name, "place", "WAITING", NOW, b"body")]

    async def test_of_two_rows_of_one_key_the_last_counts_and_amounts_are_added_up(self, open_store):
        store = await open_store()
        reports = [
            ("test", "nz", "N1", place, "WAITING", NOW + place.count("o"), place.encode()) for place in ("x", "oo", "o")
        ]
        counts = [("test", "post-cn", "stage", "", "received", amount) for amount in (3, 4, -2)]
        messages = [("post-cn", "test", 1, 1, 9, "release", "f", "r", NOW)]
        handed = [("post-cn", "test", 1, NOW + 1), ("post-cn", "test", 1, NOW + 2)]
        interchanges = [("i1", "test", "post-cn", "r", "f", name, 1, NOW, NOW, "b") for name in ("first", "last")]
        step = Outcome(
            writes=[
                Write("router.add_reports", reports),
                Write("monitor.add_count", counts),
                Write("monitor.put_interchange", interchanges),
                Write("postal.close_message", messages),
                Write("postal.hand_out", handed),
            ]
        )
        await store.commit(transaction(step))
        (report,) = await store.read("router.find_waiting", ["x", "o", "oo"])
        assert report == ("test", "nz", "N1", "o", "WAITING", NOW, b"o")
        assert await store.read("monitor.sum_counts", "test", "") == [("post-cn", "stage", "", "received", 5)]
        (shown,) = await store.read("monitor.find_interchanges", "test", "", "", "i1", 1)
        assert shown[5] == "last"
        ((*_, handed_out_at),) = await store.read("postal.messages", "post-cn", "test", 0, 10)
        assert handed_out_at == NOW + 1

    async def test_columns_that_say_the_same_in_all_rows_say_it_in_each(self, open_store):
        store = await open_store()
        for several in (1, 2, 300):
            rows = [(f"c{several}-{n}", f"d{several}", "risk", 0, 1, NOW, 0, None) for n in range(several)]
            rows.append((f"c{several}-x", f"d{several}", "", 0, 1, NOW, 0, b""))
            await store.commit(transaction(Outcome(writes=[Write("router.put_waits", rows)])))
            await store.commit(transaction(Outcome(writes=[Write("router.put_waits", rows[:-1], key_columns=1)])))
            found = await store.read("router.find_parked", "risk", NOW, 1000)
            assert {row for row in found if row[1] == f"d{several}"} == {row[:2] for row in rows[:-1]}
        await store.commit(transaction(Outcome(writes=[Write("router.drop_waits", [("c2-0",), ("c2-0",), ("c2-0",)])])))
        assert ("c2-0", "d2") not in await store.read("router.find_parked", "risk", NOW, 1000)

    async def test_an_exact_write_with_one_row_twice_is_a_conflict(self, open_store):
        store = await open_store()
        await store.commit(
            transaction(Outcome(writes=[Write("router.add_declarations", [("d", "test", "i", 1, "S", "NZ", "")])]))
        )
        change = Write("router.change_declarations", [(2, "S", "NZ", "", "d", 1)] * 2, exact=True)
        with pytest.raises(ConflictError):
            await store.commit(transaction(Outcome(writes=[change])))
        ((*_, version, _, _, _, revision),) = await store.read("router.find_declarations", ["d"])
        assert (version, revision) == (1, 1)

    async def test_a_delivery_log_counts_from_one_without_a_gap_for_each_partner_and_environment(self, open_store):
        import asyncio

        store = await open_store()
        await asyncio.gather(
            *(
                store.commit(
                    transaction(
                        Outcome(
                            deliveries=[
                                delivery(f"r{number}"),
                                delivery(f"r{number}", "post-jp"),
                                delivery(f"r{number}", "post-cn", "live"),
                            ]
                        )
                    )
                )
                for number in range(30)
            )
        )
        for place in (("post-cn", "test"), ("post-jp", "test"), ("post-cn", "live")):
            log = await store.deliveries(*place, 0, 100)
            assert [one.sequence for one in log] == list(range(1, 31))
            assert {one.delivery.response_id for one in log} == {f"r{number}" for number in range(30)}
            assert all((one.delivery.partner, one.delivery.environment) == place for one in log)

    async def test_a_response_is_logged_only_once(self, open_store):
        store = await open_store()
        await store.commit(transaction(Outcome(deliveries=[delivery("r1"), delivery("r2")])))
        await store.commit(transaction(Outcome(deliveries=[delivery("r1"), delivery("r3")])))
        log = await store.deliveries("post-cn", "test", 0, 10)
        assert [(one.sequence, one.delivery.response_id) for one in log] == [(1, "r1"), (2, "r2"), (3, "r3")]

    async def test_many_deliveries_of_one_step_keep_their_order_and_leave_out_what_was_logged(self, open_store):
        store = await open_store()
        await store.commit(transaction(Outcome(deliveries=[delivery("r7")])))
        many = [delivery(f"r{number % 100}") for number in range(150)]
        await store.commit(transaction(Outcome(deliveries=many)))
        logged = await store.deliveries("post-cn", "test", 0, 1000)
        assert [one.sequence for one in logged] == list(range(1, 101))
        assert [one.delivery.response_id for one in logged] == ["r7", *(f"r{n}" for n in range(100) if n != 7)]

    async def test_it_tells_which_responses_a_delivery_log_has(self, open_store):
        store = await open_store()
        await store.commit(transaction(Outcome(deliveries=[delivery("r1"), delivery("r2", "post-jp")])))
        assert await store.logged("post-cn", "test", ["r1", "r2", "r3"]) == {"r1"}
        assert await store.logged("post-cn", "live", ["r1"]) == set()

    async def test_it_finds_responses_by_how_their_ids_begin(self, open_store):
        store = await open_store()
        names = [f"{declaration:024x}{case:016x}" for case in range(2) for declaration in range(600)]
        for step in (names[:700], names[700:]):
            await store.commit(transaction(Outcome(deliveries=[delivery(name) for name in step])))
        await store.commit(transaction(Outcome(deliveries=[delivery(names[5], "post-jp")])))
        wanted = [f"{declaration:024x}" for declaration in (5, 599, 1000)]
        found = await store.responses("post-cn", "test", wanted)
        assert [(one.sequence, one.delivery) for one in found] == [
            (number, delivery(names[number - 1])) for number in (6, 600, 606, 1200)
        ]
        assert await store.responses("post-cn", "live", wanted) == []
        assert await store.responses("post-cn", "test", []) == []

    async def test_a_long_delivery_log_is_read_in_pieces_of_any_size(self, open_store):
        store = await open_store()
        bodies = [str(number).encode() * (9000 if number % 50 == 0 else 1) for number in range(1400)]
        made = [Delivery("post-cn", "test", f"r{n}", "release", body, b"", "") for n, body in enumerate(bodies)]
        for start in range(0, 1400, 700):
            await store.commit(transaction(Outcome(deliveries=made[start : start + 700])))
        for size in (1, 499, 500, 501, 2000):
            first = await store.deliveries("post-cn", "test", 0, size)
            then = await store.deliveries("post-cn", "test", first[-1].sequence, size)
            assert [one.delivery for one in first + then] == made[: 2 * size]
            assert [one.sequence for one in first + then] == list(range(1, min(2 * size, 1400) + 1))

    async def test_a_delivery_log_tells_how_it_goes_on_without_its_bodies(self, open_store):
        store = await open_store()
        kinds = ["release"] * 600 + ["filing"] * 2 + ["release"]
        made = [Delivery("post-cn", "test", f"r{n}", kind, b"x" * n) for n, kind in enumerate(kinds)]
        for step in (made[:2], made[2:]):
            await store.commit(transaction(Outcome(deliveries=step)))
        for after in (0, 1, 300, 601):
            found = await store.stretches("post-cn", "test", after, 1000)
            assert [n for one in found for n in range(one.first, one.last + 1)] == list(range(after + 1, 604))
            assert all(kinds[n - 1] == one.kind for one in found for n in range(one.first, one.last + 1))
        assert sum(one.bytes for one in await store.stretches("post-cn", "test", 0, 1000)) == sum(range(603))
        assert len(await store.stretches("post-cn", "test", 0, 1)) == 1
        assert await store.stretches("post-cn", "test", 603, 10) == []
        assert await store.stretches("post-xx", "test", 0, 10) == []

    async def test_a_delivery_log_is_read_on_from_any_sequence(self, open_store):
        store = await open_store()
        await store.commit(transaction(Outcome(deliveries=[delivery(f"r{number}") for number in range(10)])))
        assert [one.sequence for one in await store.deliveries("post-cn", "test", 4, 3)] == [5, 6, 7]
        assert await store.deliveries("post-cn", "test", 10, 3) == []
        assert await store.deliveries("post-xx", "test", 0, 3) == []

    async def test_postponed_work_comes_due_at_its_time_and_leaves_when_it_is_done(self, open_store):
        store = await open_store()
        later = Postponed(message(), 1, NOW + 5, "away")
        await store.commit(transaction(Outcome(postponed=[later])))
        assert await store.due("router", NOW + 4, 10) == []
        assert await store.due("monitor", NOW + 5, 10) == []
        assert await store.due("router", NOW + 5, 10) == [later]
        again = Postponed(message(), 2, NOW + 9, "still away")
        await store.commit(transaction(Outcome(postponed=[again])))
        assert await store.due("router", NOW + 9, 10) == [again]
        await store.commit(transaction(None, "m1"))
        assert await store.due("router", NOW + 9, 10) == []

    @pytest.mark.parametrize("texts", [[""], ["", ""], ["one\x1fother", "", "\x1f", "3"], ["ü", "\n", " ", "{}"]])
    async def test_texts_are_kept_as_they_are_whatever_is_in_them(self, open_store, texts):
        store = await open_store()
        later = [Postponed(message(n), 1, NOW, text) for n, text in enumerate(texts)]
        sent = [Message(f"s{n}", "advance", text, b"") for n, text in enumerate(texts)]
        await store.commit(transaction(Outcome(postponed=later, messages=sent)))
        assert sorted(await store.due("router", NOW, 10), key=lambda one: one.message.id) == later
        assert await store.unsent(10) == sent

    async def test_postponed_work_can_be_dropped(self, open_store):
        store = await open_store()
        await store.commit(transaction(Outcome(postponed=[Postponed(message(), 1, NOW, "away")])))
        await store.drop_postponed("router", ["m1"])
        assert await store.due("router", NOW, 10) == []

    async def test_a_dead_letter_keeps_the_message_and_its_faults(self, open_store):
        store = await open_store()
        dead = Dead(message(), (Fault(code="INTERNAL_FAULT", sentence="It failed."),), NOW, 3)
        await store.commit(transaction(Outcome(dead=[dead]), "m1"))
        assert await store.dead(10) == [("router", dead)]

    async def test_a_replayed_dead_letter_is_due_at_once_under_a_new_id(self, open_store):
        store = await open_store()
        dead = Dead(message(), (Fault(code="INTERNAL_FAULT"),), NOW, 3)
        await store.commit(transaction(Outcome(dead=[dead]), "m1"))
        assert not await store.replay("router", "m2", NOW)
        assert await store.replay("router", "m1", NOW)
        assert not await store.replay("router", "m1", NOW)
        assert await store.dead(10) == []
        (later,) = await store.due("router", NOW, 10)
        assert later.message.body == message().body
        assert later.attempts == 0
        assert later.message.id != "m1"
        assert await store.seen("router", [later.message.id]) == set()

    async def test_an_erased_data_key_is_gone_for_good(self, open_store):
        store = await open_store()
        await store.commit(transaction(Outcome(keys=[DataKey("k1", b"1"), DataKey("k2", b"2")])))
        assert await store.data_keys(["k1", "k2", "k3"]) == {"k1": b"1", "k2": b"2"}
        assert await store.erase("k1")
        assert not await store.erase("k1")
        await store.close()
        store = await open_store()
        assert await store.data_keys(["k1", "k2"]) == {"k2": b"2"}
