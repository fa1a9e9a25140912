"""What is told of reports that are refused."""

from parcelgate.api.record.v1.decision_pb2 import DECISION_CODE_RELEASED, STAGE_ADVANCE, Decision, Report
from parcelgate.api.record.v1.declaration_pb2 import (
    ENVIRONMENT_TEST,
    PROCEDURE_IMPORT,
    Declaration,
    DeclarationKey,
)
from parcelgate.api.record.v1.item_pb2 import ItemKey
from parcelgate.core.partner import Partners
from parcelgate.router.answer import Answers
from parcelgate.router.book import Book, CaseRow, DeclarationRow, VersionRow
from parcelgate.router.report import Known, Reporter, Reports

OWN = DeclarationKey(item=ItemKey(identifier="RR100000001CN"), partner="post-cn", environment=ENVIRONMENT_TEST)


def test_a_report_on_somebody_elses_case_is_told_of_the_item_as_we_know_it_not_as_it_says():
    book = Book()
    row = DeclarationRow("d1", "test", "RR100000001CN", version=1)
    row.versions[1] = VersionRow(1, "APPLIED", Declaration(id="d1", key=OWN).SerializeToString(), "k")
    row.cases["c1"] = CaseRow("c1", "d1", "test", "eu-customs", PROCEDURE_IMPORT, "mailbox", 24, version=1)
    book.declarations["d1"] = row
    answers = Answers(book, Partners(), 1)
    said = DeclarationKey(item=ItemKey(identifier="Jane Roe"), partner="post-jp")
    decision = Decision(id="N1", stage=STAGE_ADVANCE, code=DECISION_CODE_RELEASED)
    result = Reports(answers, Known()).take(
        Reporter("test", "nz-customs"), Report(case_id="c1", declaration=said, decision=decision)
    )
    assert (result.outcome, result.faults[0].code) == ("REFUSED", "CASE_NOT_YOURS")
    (told,) = answers.facts
    assert (told.declaration_id, told.partner, told.item) == ("d1", "post-cn", "RR100000001CN")
