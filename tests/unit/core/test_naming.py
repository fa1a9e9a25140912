"""Ids lead from a response to its case and its declaration."""

from parcelgate.api.record.v1.declaration_pb2 import PROCEDURE_IMPORT, PROCEDURE_PRE_LOADING
from parcelgate.core.naming import DIGITS_OF_DECLARATION, case_id, response_id

DECLARATION = "0123456789abcdef0123456789abcdef"
SECURITY = case_id(DECLARATION, "eu-icg", PROCEDURE_PRE_LOADING)
FISCAL = case_id(DECLARATION, "eu-customs", PROCEDURE_IMPORT)


def test_ids_of_cases_and_responses_begin_with_their_declarations_digits() -> None:
    for found in (SECURITY, FISCAL, response_id(SECURITY, 1, "d1")):
        assert found.startswith(DECLARATION[:DIGITS_OF_DECLARATION])
        assert set(found) <= set("0123456789abcdef")


def test_the_same_decision_on_a_version_has_one_response_id_and_any_other_has_another() -> None:
    asked = [(SECURITY, 1, "d1"), (FISCAL, 1, "d1"), (SECURITY, 2, "d1"), (SECURITY, 1, "d2")]

    assert response_id(*asked[0]) == response_id(*asked[0])
    assert len({response_id(*one) for one in asked}) == len(asked)
