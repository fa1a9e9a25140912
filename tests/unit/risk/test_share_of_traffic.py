"""A profile that fires on much of the traffic is noise: none may fire on more than a tenth of it."""

import datetime

import pytest

from parcelgate.app.sample import traffic
from parcelgate.risk.assess import Assessor
from parcelgate.risk.share import firing_shares, noisy

DAY = datetime.date(2026, 11, 24)
RECEIVED = 1_795_500_000_000_000


@pytest.mark.parametrize("channel", ["post", "carrier"])
def test_no_profile_fires_on_more_than_a_tenth_of_the_sample_traffic(channel):
    items = [sample.item for sample in traffic(5, 1500, day=DAY, channel=channel) if sample.version == 1]
    shares = firing_shares(Assessor.load(), items, RECEIVED)
    assert noisy(shares) == {}
    assert sum(share > 0 for share in shares.values()) >= 5, f"too quiet to prove anything: {shares}"
