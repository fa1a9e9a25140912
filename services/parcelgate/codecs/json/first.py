"""The first signs of a document that is not JSON: what it is instead."""

from collections.abc import Mapping

from parcelgate.api.record.v1.fault_pb2 import Fault
from parcelgate.core.fault import fault

# As the bytes stand in the text: what is no UTF-8 keeps its value behind U+DC00.
_FOREIGN_KINDS: Mapping[str, str] = {
    "PK\x03\x04": "is a ZIP archive",
    "\x1f\udc8b": "is compressed with gzip",
    "BZh": "is compressed with bzip2",
    "\udcfd7zXZ": "is compressed with xz",
    "%PDF": "is a PDF",
    "<": "looks like XML",
    "UNA": "looks like EDIFACT",
    "UNB+": "looks like EDIFACT",
}


def not_json(text: str, line: int) -> Fault:
    """Make the fault of a document that begins with neither { nor [."""
    if not text:
        return fault("DOCUMENT_EMPTY")
    known = next((kind for mark, kind in _FOREIGN_KINDS.items() if text.startswith(mark)), None)
    return fault("DOCUMENT_NOT_JSON", line=line, found=known or "begins with neither { nor [")
