"""Writes releases that come from the router into the carriers' delivery logs."""

from collections.abc import Sequence

from parcelgate.api.record.v1.chunk_pb2 import CHUNK_KIND_RELEASES, Chunk
from parcelgate.api.record.v1.decision_pb2 import DecisionCode, Release
from parcelgate.core.chunk import environment_word
from parcelgate.core.clock import Clock
from parcelgate.core.fact import fact
from parcelgate.core.fault import fault
from parcelgate.core.port import Delivery, Message, Outcome, RejectError


def log_releases(messages: Sequence[Message], clock: Clock) -> Outcome:
    """Turn chunks of releases into deliveries and facts.

    Raises RejectError for anything that is not a release of the partner that its chunk is addressed to.
    """
    outcome = Outcome()
    for message in messages:
        chunk = Chunk.FromString(message.body)
        environment = environment_word(chunk.head.environment)
        for body in chunk.items:
            release = Release.FromString(body)
            key = release.declaration.key
            ours = key.partner == chunk.head.partner and key.environment == chunk.head.environment
            if chunk.head.kind != CHUNK_KIND_RELEASES or not ours or not release.response_id:
                raise RejectError(fault("RELEASE_MISROUTED"))
            outcome.deliveries.append(
                Delivery(chunk.head.partner, environment, release.response_id, "release", bytes(body))
            )
            decision = release.decision
            outcome.facts.append(
                fact(
                    "response.logged",
                    clock.micros(),
                    declaration=release.declaration,
                    case_id=decision.case.id,
                    authority=decision.case.authority,
                    code=DecisionCode.Name(decision.code).removeprefix("DECISION_CODE_"),
                    round=decision.case.round,
                    distinct=release.response_id,
                    details={"response_id": release.response_id},
                )
            )
    return outcome
