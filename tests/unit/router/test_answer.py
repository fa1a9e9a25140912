"""Where filings go: to whoever speaks for the authority and can be filed with, by mailbox or by queue."""

import dataclasses

import pytest

from parcelgate.api.record.v1.declaration_pb2 import FLOW_IMPORT, PROCEDURE_IMPORT, Declaration, DeclarationKey
from parcelgate.core.partner import Partners
from parcelgate.core.port import Outcome
from parcelgate.router.answer import Answers
from parcelgate.router.book import Book, CaseRow, VersionRow


class Known:
    """The partners shipped, with customs of New Zealand changed."""

    def __init__(self, **changes):
        self._all = [dataclasses.replace(one, **changes) if one.id == "customs-nz" else one for one in Partners().all()]

    def all(self):
        return self._all


def filed(partners):
    answers = Answers(Book(), partners, 1)
    case = CaseRow("c1", "d1", "test", "nz-customs", PROCEDURE_IMPORT, "mailbox", 72)
    key = DeclarationKey(partner="post-cn", environment=1, flow=FLOW_IMPORT)
    head = Declaration(id="d1", version=1, key=key)
    went = answers.file(case, VersionRow(1, "", head.SerializeToString(), "k", sealed=b"x"), head)
    outcome: Outcome = answers.outcome()
    return went, len(outcome.messages)


@pytest.mark.parametrize("way", ["mailbox", "queue"])
def test_an_authority_is_filed_with_by_mailbox_or_by_queue(way):
    assert filed(Known(mailbox=way == "mailbox", queue=way == "queue")) == (True, 1)


def test_without_either_nothing_is_filed():
    assert filed(Known(mailbox=False, queue=False)) == (False, 0)
