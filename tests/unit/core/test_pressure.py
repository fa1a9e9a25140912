"""Back-pressure: the doors shut when there is too much in hand, and open again when enough of it is done."""

import pytest

from parcelgate.core.port import BusyError, StoreUnavailableError
from parcelgate.core.pressure import Pressure


def test_nothing_is_refused_up_to_the_limit():
    pressure = Pressure()
    pressure.tell("messages", 10, 10)
    pressure.check()


def test_beyond_the_limit_the_doors_are_shut_and_say_why_and_when_to_come_again():
    pressure = Pressure()
    pressure.tell("messages", 11, 10)
    with pytest.raises(BusyError) as caught:
        pressure.check()
    assert caught.value.what == "11 messages"
    assert caught.value.retry_seconds > 0
    # Whoever knows only that nothing can be kept now is right as well.
    assert isinstance(caught.value, StoreUnavailableError)


def test_the_doors_open_again_only_when_a_good_part_is_done():
    pressure = Pressure()
    pressure.tell("messages", 11, 10)
    pressure.tell("messages", 9, 10)
    assert pressure.full
    pressure.tell("messages", 8, 10)
    assert not pressure.full


def test_each_measure_shuts_the_doors_by_itself():
    pressure = Pressure()
    pressure.tell("messages", 11, 10)
    pressure.tell("interchanges", 21, 20)
    pressure.tell("messages", 0, 10)
    assert pressure.full == "21 interchanges"
