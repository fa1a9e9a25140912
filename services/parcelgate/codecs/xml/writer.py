"""Writing XML: branches as text, one item at a time; the same records always give the same bytes."""

import re
from collections.abc import Sequence

from parcelgate.codecs.mapping.tree import Branch, Unwritable

_SPECIAL = re.compile('[&<>"\r\n\t\x00-\x1f\x7f\ufffe\uffff\ud800-\udfff]')
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_INDENT = "  "


def render(branch: Branch, depth: int) -> str:
    """Render a branch with everything in it, indented; raises Unwritable for characters that XML has no way to write."""
    out: list[str] = []
    _render(branch, _INDENT * depth, out)
    return "".join(out)


def start(root: str, namespace: str) -> str:
    """Render the XML declaration and the start of the root element."""
    name = f' xmlns="{escaped(namespace, namespace)}"' if namespace else ""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}{name}>\n'


def end(root: str) -> str:
    """Render the end of the root element."""
    return f"</{root}>\n"


def escaped(text: str, name: str) -> str:
    """Escape what has a meaning in XML, and line ends that a parser would change; raises Unwritable."""
    if _SPECIAL.search(text) is None:
        return text
    if _FORBIDDEN.search(text) is not None:
        raise Unwritable(name)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return text.replace("\r", "&#13;").replace("\n", "&#10;").replace("\t", "&#9;")


def _render(branch: Branch, indent: str, out: list[str]) -> None:
    name = branch.name
    opening = name + _attributes(branch.attributes)
    if branch.children:
        out.append(f"{indent}<{opening}>\n")
        for child in branch.children:
            if child.children or child.attributes or not child.text:
                _render(child, indent + _INDENT, out)
            else:
                out.append(f"{indent}{_INDENT}<{child.name}>{escaped(child.text, child.name)}</{child.name}>\n")
        out.append(f"{indent}</{name}>\n")
    elif branch.text:
        out.append(f"{indent}<{opening}>{escaped(branch.text, name)}</{name}>\n")
    else:
        out.append(f"{indent}<{opening}/>\n")


def _attributes(attributes: Sequence[tuple[str, str]]) -> str:
    return "".join(f' {name}="{escaped(value, name)}"' for name, value in attributes)
