"""Declarations for the tests of risk: an ordinary one, and those of the corpus, which state what differs from it."""

from pathlib import Path

from google.protobuf import text_format

from parcelgate.api.record.v1.declaration_pb2 import Declaration

CORPUS = Path(__file__).parents[2] / "corpus" / "risk"
_ORDINARY = (CORPUS / "ordinary.textproto").read_text("utf-8")


def declaration(differs: str = "") -> Declaration:
    """Return the ordinary declaration, changed as the text format says; content and parties are replaced as a whole."""
    change = text_format.Parse(differs, Declaration())
    out = text_format.Parse(_ORDINARY, Declaration())
    for name in ("content", "parties"):
        if getattr(change.item, name):
            out.item.ClearField(name)
    out.MergeFrom(change)
    return out


def from_corpus(path: Path) -> Declaration:
    """Read a declaration of the corpus."""
    return declaration(path.read_text("utf-8"))
