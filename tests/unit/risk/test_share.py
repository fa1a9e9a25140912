"""The check that no profile fires on much of the traffic."""

import pytest

from parcelgate.risk.assess import Assessor
from parcelgate.risk.share import firing_shares, noisy
from unit.risk.declare import CORPUS, declaration, from_corpus

ASSESSOR = Assessor.load()


def test_the_share_of_each_profile_is_counted_and_a_noisy_one_is_named():
    gift = from_corpus(CORPUS / "gift-from-shop" / "fires.company-sends-gift.textproto").item
    shares = firing_shares(ASSESSOR, [gift, *[declaration().item] * 3])
    assert shares["gift-from-shop"] == 0.25
    assert shares["security-watch"] == 0
    assert noisy(shares) == {"gift-from-shop": 0.25}
    assert noisy(shares, highest=0.5) == {}


def test_no_items_is_a_mistake():
    with pytest.raises(ValueError, match="no items"):
        firing_shares(ASSESSOR, [])
