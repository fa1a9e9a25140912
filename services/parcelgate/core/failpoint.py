"""Fail-points: places at which a test can kill the process, at every seam between two durable steps.

PARCELGATE_FAILPOINT=<name> kills at the first pass, <name>:<n> at the n-th. PARCELGATE_GUARDS=-inbox switches a guard
off, so that a test can show that it would notice.
"""

import os

POINTS = (
    "intake.part_stored",
    "intake.committed_before_reply",
    "translation.batch_committed",
    "translation.closed",
    "routing.batch_committed",
    "runner.handled_before_commit",
    "runner.committed_before_publish",
    "runner.published_before_mark",
    "runner.done_before_acknowledge",
    "store.mid_batch",
    "mailbox.claimed_before_intake",
    "mailbox.accepted_before_result",
    "handout.closed_before_write",
    "handout.written_before_rename",
    "handout.renamed_before_mark",
    "carrier.committed_before_reply",
)
EXIT_CODE = 137

_NAME, _, _NTH = os.environ.get("PARCELGATE_FAILPOINT", "").partition(":")
_OFF = frozenset(word[1:] for word in os.environ.get("PARCELGATE_GUARDS", "").split(",") if word.startswith("-"))
_passes = {"left": int(_NTH or "1")}

if _NAME and _NAME not in POINTS:
    raise ValueError(f"PARCELGATE_FAILPOINT names no fail-point: {_NAME}; known are {', '.join(POINTS)}")


def pass_by(name: str) -> None:
    """Die here, at once and without clean-up, if this fail-point was chosen."""
    if name != _NAME:
        return
    _passes["left"] -= 1
    if _passes["left"] == 0:
        os._exit(EXIT_CODE)


def guard_is_on(name: str) -> bool:
    """Tell whether a guard (inbox, confirms) was left on."""
    return name not in _OFF
