"""The rows of a mapping laid over the segment table: for every group of the message, how its segments are read."""

from collections.abc import Iterator, Mapping
from typing import Any

from parcelgate.codecs.edifact.fields import EntryOf
from parcelgate.codecs.edifact.plan import ScopePlan, Segment, entry_of
from parcelgate.codecs.edifact.table import Group, Table
from parcelgate.codecs.mapping.mapping import FormatMapping
from parcelgate.codecs.mapping.row import MappingError
from parcelgate.codecs.mapping.scope import Node, Scope

MESSAGE = "message"


class GroupPlan:
    """How one group is read."""

    __slots__ = ("around", "each", "ignored", "own", "segments")

    def __init__(self, own: ScopePlan | None, each: EntryOf | None = None, *, ignored: bool = False) -> None:
        """Take the scope whose record its segments fill, and if it is an entry of a list, which."""
        self.own = own
        self.each = each
        self.ignored = ignored
        # How segments are read, and whether they are facts of the header.
        self.segments: dict[str, tuple[Segment, bool]] = {}
        # It stands around the items, and its record goes into each of them.
        self.around = False


class Structure:
    """A format as it is read: segment table, groups, and which of them is the item."""

    def __init__(self, table: Table, mapping: FormatMapping) -> None:
        """Lay the rows over the table; raises MappingError for a row that finds no place."""
        self.table = table
        self.mapping = mapping
        # A message may be one item, and has nothing around it then.
        item = table.message if mapping.item_at == MESSAGE else table.group(mapping.item_at)
        if item is None:
            raise MappingError(f"segments.toml has no group {mapping.item_at!r}")
        self.item = item
        self.header = ScopePlan(mapping.header)
        self._plans: dict[Group, GroupPlan] = {}
        around = dict(mapping.around)
        if item is table.message:
            if around or mapping.header.root.children:
                raise MappingError(
                    "the message is the item: there is nothing around it, and it has no facts of the header"
                )
            self._group(item, ScopePlan(mapping.item), mapping.item.root)
            return
        scope = around.pop(MESSAGE, None)
        message = self._group(table.message, ScopePlan(scope) if scope else None, scope.root if scope else None)
        message.around = True
        self._header(message, mapping.header)
        for each in mapping.around:
            if any(slot.select is not None for slot in each[1].slots):
                raise MappingError(f"scope {each[0]}: what stands around the items can't be an entry of a list")
        for group in self.outer():
            scope = around.pop(group.path, None)
            self._group(group, ScopePlan(scope) if scope else None, scope.root if scope else None).around = True
        if around:
            raise MappingError(f"scope: {min(around)!r} is no group around the items")
        self._group(item, ScopePlan(mapping.item), mapping.item.root)
        self._check_order()

    def plan(self, group: Group) -> GroupPlan | None:
        """Return how a group is read; None if no row knows it."""
        return self._plans.get(group)

    @property
    def is_whole(self) -> bool:
        """A message is one item."""
        return self.item is self.table.message

    def outer(self) -> Iterator[Group]:
        """Go through the groups between the message and the item, outermost first."""
        steps = self.item.path.split("/")[:-1]
        for count in range(1, len(steps) + 1):
            group = self.table.group("/".join(steps[:count]))
            assert group is not None
            yield group

    def _header(self, message: GroupPlan, scope: Scope) -> None:
        for name, node in scope.root.children.items():
            if name in message.segments:
                raise MappingError(f"header: {name} already has rows in the scope {MESSAGE}")
            if self.table.message.find(name) is None:
                raise MappingError(f"header: segments.toml has no {name} in the message")
            message.segments[name] = (self.header.segment(node), True)

    def _group(self, group: Group, own: ScopePlan | None, node: Node | None, each: EntryOf | None = None) -> GroupPlan:
        plan = self._plans[group] = GroupPlan(own, each)
        for name, child in node.children.items() if node is not None else ():
            assert own is not None
            entry = group.find(name)
            if entry is None:
                raise MappingError(f"{own.scope.name}: segments.toml has no {name} in {group.name or MESSAGE}")
            if entry.group is None:
                plan.segments[name] = (own.segment(child), False)
            else:
                self._inner(entry.group, own, child)
        return plan

    def _inner(self, group: Group, own: ScopePlan, node: Node) -> None:
        if node.cases or node.leaf is not None or node.fact is not None:
            raise MappingError(f"{own.scope.name}: {node.name} is a group, and has no value")
        if group is self.item:
            raise MappingError(f"{own.scope.name}: {node.name} is the item, and has rows of its own")
        if node.fixed is not None:
            self._plans[group] = GroupPlan(None, ignored=True)
        elif node.each is not None:
            inner = ScopePlan(node.each.scope)
            self._group(group, inner, node.each.scope.root, entry_of(node.each, inner))
        else:
            self._group(group, own, node)

    def _check_order(self) -> None:
        """Refuse facts of the items that stand behind them: an item read is an item gone."""
        inner = self.item
        for group in (*reversed(list(self.outer())), self.table.message):
            plan = self._plans[group]
            assert inner.entry is not None
            for entry in group.entries[inner.entry.place + 1 :]:
                segment = plan.segments.get(entry.tag) if entry.group is None else None
                fields = segment[0].fields() if segment else ()
                counts = [leaf.row.count for one in fields for leaf in one.leaves()]
                if not all(counts) or (entry.group is not None and entry.group in self._plans):
                    raise MappingError(f"{entry.name} stands behind the items, and can't be a fact of theirs")
            inner = group


def merge(record: dict[str, Any], outer: Mapping[str, Any]) -> list[str]:
    """Put the facts of an outer group into the record of an item; returns the names of what the item says otherwise."""
    differing: list[str] = []
    for key, value in outer.items():
        mine = record.get(key)
        if mine is None:
            record[key] = value
        elif mine != value:
            if (
                isinstance(value, dict)
                and isinstance(mine, dict)
                and all(mine[name] == value[name] for name in mine.keys() & value)
            ):
                # Records share the small dicts that converters make, so it is another one that has both.
                record[key] = {**value, **mine}
            else:
                differing.append(key)
    return differing
