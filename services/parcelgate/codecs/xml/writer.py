"""Writing XML: branches as text, one item at a time; the same records always give the same bytes."""

import re
from collections.abc import Mapping, Sequence

from parcelgate.codecs.mapping.prepare import Unwritable
from parcelgate.codecs.mapping.tree import Branch

_SPECIAL = re.compile('[&<>"\r\n\t\x00-\x1f\x7f\ufffe\uffff\ud800-\udfff]')
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_INDENT = "  "


def render(branch: Branch, depth: int) -> str:
    """Render a branch with everything in it, indented; raises Unwritable for characters that XML has no way to write."""
    out: list[str] = []
    _render(branch, _INDENT * depth, out)
    return "".join(out)


def start(root: str, spaces: Mapping[str, str]) -> str:
    """Render the XML declaration and the start of the root element; spaces are namespaces by prefix."""
    declared = "".join(
        f' xmlns{":" + prefix if prefix else ""}="{escaped(space, space)}"' for prefix, space in spaces.items() if space
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}{declared}>\n'


def end(root: str) -> str:
    """Render the end of the root element."""
    return f"</{root}>\n"


def escaped(text: str, name: str) -> str:
    """Escape what has a meaning in XML, and line ends that a parser would change; raises Unwritable."""
    if _SPECIAL.search(text) is None:
        return text
    if _FORBIDDEN.search(text) is not None:
        raise Unwritable(name, code="TEXT_NOT_WRITABLE")
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return text.replace("\r", "&#13;").replace("\n", "&#10;").replace("\t", "&#9;")


def _render(branch: Branch, indent: str, out: list[str]) -> None:
    name, text, attributes, children, _ = branch
    opening = name + _attributes(attributes) if attributes else name
    if children:
        out.append(f"{indent}<{opening}>\n")
        deeper = indent + _INDENT
        for child in children:
            inner, text, attributes, below, _ = child
            if below or attributes or not text:
                _render(child, deeper, out)
            elif _SPECIAL.search(text) is None:
                out.append(f"{deeper}<{inner}>{text}</{inner}>\n")
            else:
                out.append(f"{deeper}<{inner}>{escaped(text, inner)}</{inner}>\n")
        out.append(f"{indent}</{name}>\n")
    elif text:
        out.append(f"{indent}<{opening}>{escaped(text, name)}</{name}>\n")
    else:
        out.append(f"{indent}<{opening}/>\n")


def _attributes(attributes: Sequence[tuple[str, str]]) -> str:
    return "".join(f' {name}="{escaped(value, name)}"' for name, value in attributes)
