"""The life of a declaration at the edge: what each function makes of what is known."""

import pytest

from parcelgate.api.record.v1.declaration_pb2 import FUNCTION_AMEND, FUNCTION_CANCEL, FUNCTION_ORIGINAL
from parcelgate.postal.judge import Known, judge

ORIGINAL, AMEND, CANCEL = FUNCTION_ORIGINAL, FUNCTION_AMEND, FUNCTION_CANCEL


def known(function, content="1:a"):
    return Known(3, function, content, "r1", 7)


@pytest.mark.parametrize(
    ("function", "content", "before", "version", "unchanged"),
    [
        (ORIGINAL, "1:a", None, 1, False),
        (ORIGINAL, "1:a", known(ORIGINAL), 3, True),
        (ORIGINAL, "1:a", known(CANCEL), 4, False),
        (AMEND, "1:b", known(ORIGINAL), 4, False),
        (AMEND, "1:a", known(AMEND), 3, True),
        (AMEND, "1:b", known(CANCEL), 4, False),
        (CANCEL, "1:x", known(AMEND), 4, False),
        (CANCEL, "1:x", known(CANCEL), 3, True),
    ],
)
def test_a_version_follows_from_the_function_and_what_is_known(function, content, before, version, unchanged):
    verdict = judge(function, content, before)
    assert (verdict.version, verdict.unchanged, verdict.fault) == (version, unchanged, None)


@pytest.mark.parametrize(
    ("function", "content", "before", "code"),
    [
        (AMEND, "1:a", None, "NOTHING_TO_AMEND"),
        (CANCEL, "1:a", None, "NOTHING_TO_CANCEL"),
        (ORIGINAL, "1:b", known(ORIGINAL), "CHANGED_WITHOUT_AMEND"),
        (ORIGINAL, "1:b", known(AMEND), "CHANGED_WITHOUT_AMEND"),
    ],
)
def test_what_cannot_become_a_version_is_a_fault_with_a_hint(function, content, before, code):
    wrong = judge(function, content, before).fault
    assert wrong is not None
    assert (wrong.code, bool(wrong.hint)) == (code, True)
