"""A partner's own codes take the place of the format's, in both directions; everybody else's stay."""

import pytest

from parcelgate.api.record.v1.decision_pb2 import DECISION_CODE_DETAINED, DECISION_CODE_RELEASED, Decision, Release
from parcelgate.api.record.v1.declaration_pb2 import Declaration, DeclarationKey
from parcelgate.api.record.v1.dispatch_pb2 import ReceptacleStatus
from parcelgate.api.record.v1.item_pb2 import ITEM_SCHEME_S10, ItemKey
from parcelgate.codecs import translate
from parcelgate.codecs.event import ItemRead
from parcelgate.codecs.mapping.row import MappingError

CUSRSP = "upu/cusrsp/own-1"
CODES = {"decision": {"2": "DECISION_CODE_RELEASED"}, "of-another-format": {"x": "Y"}}


def document(code, codes=None):
    key = ItemKey(scheme=ITEM_SCHEME_S10, issuer="NZ", identifier="CP100200305NZ", posting_date="2026-11-20")
    about = Declaration(key=DeclarationKey(item=key))
    release = Release(response_id="r1", declaration=about, decision=Decision(id="d1", code=code))
    header = {"interchange_reference": "R1", "items_count": 1}
    return b"".join(translate.write(CUSRSP, header, [release], codes=codes))


def read(data, codes=None):
    (item,) = [one for one in translate.read([data], CUSRSP, codes=codes) if isinstance(one, ItemRead)]
    return item


def test_a_partners_code_is_written_and_read():
    data = document(DECISION_CODE_RELEASED, CODES)
    assert b"<DecisionCd>2</DecisionCd>" in data
    assert Release.FromString(read(data, CODES).message).decision.code == DECISION_CODE_RELEASED


def test_codes_that_the_partner_did_not_replace_stay():
    data = document(DECISION_CODE_DETAINED, CODES)
    assert b"<DecisionCd>DETAINED</DecisionCd>" in data
    assert Release.FromString(read(data, CODES).message).decision.code == DECISION_CODE_DETAINED


def test_one_partners_codes_are_not_anothers():
    assert b"<DecisionCd>RELEASED</DecisionCd>" in document(DECISION_CODE_RELEASED)
    refused = read(document(DECISION_CODE_RELEASED, CODES))
    assert not refused.accepted
    assert "CODE_UNKNOWN" in {one.code for one in refused.faults}


def test_a_code_without_a_meaning_is_refused_when_it_is_compiled():
    with pytest.raises(MappingError, match="NO_SUCH"):
        document(DECISION_CODE_RELEASED, {"decision": {"2": "NO_SUCH"}})


AT = {"utc_micros": 1_768_381_200_000_000}
STATUS = {"identifier": "NZAKLAAUSYDAACN60012003000125", "prepared": AT, "happened": AT}


def told(status, codes=None):
    header = {"interchange_reference": "1", "sender": "A", "recipient": "B", "prepared_at": AT}
    records = [ReceptacleStatus(**STATUS, status=status)]
    return b"".join(translate.write("upu/resdes/own-1", header, records, codes=codes))


def understood(data, codes=None):
    (item,) = [one for one in translate.read([data], "upu/resdes/own-1", codes=codes) if isinstance(one, ItemRead)]
    return ReceptacleStatus.FromString(item.message).status


def test_a_partners_code_for_a_label_is_written_and_read_and_the_others_stay():
    codes = {"arrival": {"21": "RECEIVED", "22": "RECEIVED"}}
    assert b"STS+1+21'" in told("RECEIVED", codes)
    assert b"STS+1+MIS'" in told("MISSING", codes)
    assert understood(told("RECEIVED", codes), codes) == "RECEIVED"
    assert understood(told("RECEIVED", codes).replace(b"+21'", b"+22'"), codes) == "RECEIVED"
    # To everybody else it is a code that the list does not know, and it is kept.
    assert understood(told("RECEIVED", codes)) == "21"
    assert b"STS+1+REC'" in told("RECEIVED")


def test_a_word_that_a_list_of_labels_does_not_have_is_refused_when_it_is_compiled():
    with pytest.raises(MappingError, match=r"label\.arrival: 'RECIEVED' is none of its words"):
        told("RECEIVED", {"arrival": {"21": "RECIEVED"}})
