"""Which version a declared item becomes."""

import pytest

from parcelgate.api.record.v1.declaration_pb2 import FUNCTION_AMEND, FUNCTION_CANCEL, FUNCTION_ORIGINAL
from parcelgate.core.version import Known, Verdict, judge

NONE = Known()
LIVING = Known(3, FUNCTION_AMEND, "same", "r1", 1)
CANCELLED = Known(4, FUNCTION_CANCEL, "key", "r2", 1)


@pytest.mark.parametrize(
    ("function", "canonical_hash", "known", "verdict"),
    [
        (FUNCTION_ORIGINAL, "same", NONE, Verdict(1)),
        (FUNCTION_AMEND, "same", NONE, Verdict(fault_code="NOTHING_TO_AMEND")),
        (FUNCTION_CANCEL, "key", NONE, Verdict(fault_code="NOTHING_TO_CANCEL")),
        (FUNCTION_ORIGINAL, "same", LIVING, Verdict(3, unchanged=True)),
        (FUNCTION_ORIGINAL, "other", LIVING, Verdict(fault_code="CHANGED_WITHOUT_AMEND")),
        (FUNCTION_AMEND, "same", LIVING, Verdict(3, unchanged=True)),
        (FUNCTION_AMEND, "other", LIVING, Verdict(4)),
        (FUNCTION_CANCEL, "key", LIVING, Verdict(4)),
        (FUNCTION_CANCEL, "key", CANCELLED, Verdict(4, unchanged=True)),
        (FUNCTION_ORIGINAL, "same", CANCELLED, Verdict(5)),
        (FUNCTION_AMEND, "other", CANCELLED, Verdict(5)),
    ],
)
def test_the_verdict_follows_from_function_content_and_what_was_known(function, canonical_hash, known, verdict):
    assert judge(function, canonical_hash, known) == verdict
