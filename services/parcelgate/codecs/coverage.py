"""What a format's own schema knows beside what its rows read: nothing of it may be forgotten, and no row may stand for nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

from parcelgate.codecs.mapping.mapping import FormatMapping
from parcelgate.codecs.mapping.scope import Node


@dataclass(frozen=True)
class Declared:
    """One name that a schema declares: its attributes, and the names inside it, looked up when they are asked for."""

    attributes: frozenset[str]
    look_up: Callable[[], Mapping[str, "Declared"]]
    # Whatever the schema has elsewhere and lets stand in this one too.
    guest: Callable[[str], "Declared | None"] = lambda _name: None

    @cached_property
    def inside(self) -> Mapping[str, "Declared"]:
        """The names declared inside this one."""
        return self.look_up()


@runtime_checkable
class Schematic(Protocol):
    """An engine whose formats have a schema of their own beside the mapping."""

    def defects(self) -> Iterator[str]:
        """Say everything that is wrong with the schema itself."""
        ...

    def declared(self) -> Declared:
        """Return what the schema declares for a whole document; only of a schema without defects."""
        ...

    def invalid(self, data: bytes) -> Iterator[str]:
        """Say what the schema as a whole finds wrong with a document."""
        ...


def gaps(mapping: FormatMapping, document: Declared) -> Iterator[tuple[str, str]]:
    """Compare; yields the path of each name that only one of the two knows, with a sentence."""
    scopes = dict(mapping.scopes)
    inside = {**_guests(document, scopes), **document.inside}
    header = scopes.pop("", None)
    if header is not None:
        # Without an element of its own it is the first fields of the document.
        first = {name: inside.pop(name) for name in document.inside if name not in scopes}
        yield from _gaps(header.root, Declared(document.attributes, lambda: first), "")
    for name in sorted(inside.keys() | scopes.keys()):
        if name not in scopes:
            yield name, "the schema has it, and neither header, item nor trailer stands there"
        elif name not in inside:
            yield name, "the mapping stands there, and the schema does not have it"
        else:
            yield from _gaps(scopes[name].root, inside[name], name)


def _gaps(node: Node, declared: Declared, path: str) -> Iterator[tuple[str, str]]:
    if node.fixed is not None or node.fact is not None:
        # One row stands for all of it.
        return
    if node.each is not None:
        yield from _gaps(node.each.scope.root, declared, path)
        return
    known = node.attributes.keys() | node.fixed_attributes.keys()
    if forgotten := declared.attributes - known:
        yield path, f"{_WITHOUT_ROW}: " + ", ".join(f"@{name}" for name in sorted(forgotten))
    for name in sorted(known - declared.attributes):
        yield f"{path}/@{name}", _WITHOUT_NAME
    inside = {**_guests(declared, node.children), **declared.inside}
    for name, inner in inside.items():
        if name not in node.children:
            yield f"{path}/{name}", _WITHOUT_ROW
            continue
        child = node.children[name]
        # Of what is chosen among several occurrences, each must know what stands in it.
        for one in (*([child] if child.has_rows or not child.cases else []), *(each.node for each in child.cases)):
            yield from _gaps(one, inner, f"{path}/{name}")
    for name in node.children:
        if name not in inside:
            yield f"{path}/{name}", _WITHOUT_NAME


def _guests(declared: Declared, names: Iterable[str]) -> dict[str, Declared]:
    found = ((name, declared.guest(name)) for name in names if name and name not in declared.inside)
    return {name: guest for name, guest in found if guest is not None}


_WITHOUT_ROW = "the schema has it, and no row reads it or says why not"
_WITHOUT_NAME = "a row reads it, and the schema does not have it"
