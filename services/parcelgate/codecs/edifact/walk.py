"""One message after the other, segment by segment: through the groups of its table, and into the record of each item."""

from collections.abc import Sequence

from parcelgate.codecs.edifact import limit
from parcelgate.codecs.edifact.context import Context
from parcelgate.codecs.edifact.fields import Fields
from parcelgate.codecs.edifact.finding import Findings
from parcelgate.codecs.edifact.level import Level
from parcelgate.codecs.edifact.segment import Element, Splitter
from parcelgate.codecs.edifact.shape import ShapeReader
from parcelgate.codecs.edifact.structure import GroupPlan, Structure, merge
from parcelgate.codecs.edifact.table import Group, Move
from parcelgate.codecs.engine import Subtree
from parcelgate.codecs.mapping.filling import open_slot


class TooManySegments(Exception):  # noqa: N818  says what happened
    """A message has more segments outside its items than are read."""


class _Frame:
    """A group that is open."""

    __slots__ = ("completed", "counts", "empty", "faults", "group", "header", "level", "ordinal", "plan")

    def __init__(self, group: Group, plan: GroupPlan | None, level: Level | None, ordinal: int) -> None:
        self.group, self.plan, self.level, self.ordinal = group, plan, level, ordinal
        self.header: Level | None = None
        # Groups inside it, how often each stood here.
        self.counts: dict[Group, int] = {}
        self.completed = False
        # No item has begun inside it, in whichever group.
        self.empty = True
        # Faults of a group around items: every item inside has them too.
        self.faults = Findings()


class Walk:
    """Goes through the messages of one interchange; what was read lies in out until somebody takes it."""

    def __init__(self, structure: Structure, context: Context, splitter: Splitter, shapes: ShapeReader) -> None:
        """Begin without a message; the splitter knows how far the reading is, shapes how known items are read."""
        self._shapes = shapes
        # An item that is being read in the ordinary way and could have a recipe, with its shape.
        self._plain: tuple[str, bytes] | None = None
        # The item before was read by a recipe, and the next segment begins another one.
        self.between = False
        self._splitter = splitter
        self._structure, self._context = structure, context
        self._table = structure.table
        self._frames: list[_Frame] = []
        self.items = 0
        self.items_of_message = 0
        self.out: list[Subtree] = []
        # The header was handed out: there is one, however many messages there are.
        self._headed = False
        self._facts = context.header
        self._candidate: tuple[str, bytes] | None = None

    def begin(self) -> None:
        """Begin a message; the present segment is its UNH."""
        context, plan = self._context, self._structure.plan(self._table.message)
        assert plan is not None
        self._frames = []
        self._at = self._table.start
        self._moves = self._table.moves(self._at)
        self._times = 1
        self._after = "UNH"
        self._from, self._byte = context.segment, 0
        self._refused = self.between = False
        self._plain = None
        self.items_of_message = 0
        self._facts = context.header
        if self._structure.is_whole:
            self._begin_item()
        frame = _Frame(self._table.message, plan, plan.own.level(context) if plan.own is not None else None, 1)
        frame.header = self._structure.header.level(context)
        self._frames = [frame]
        self._frame = frame

    def take(self, elements: Sequence[Element]) -> None:
        """Read the present segment."""
        context = self._context
        tag = context.tag
        move = self._moves.get(tag)
        if move is None:
            move = self._table.move(self._at, tag)
            if move is None:
                self._misplaced()
                return
        if not move.again or move.opens is not None:
            self._times = 1
        else:
            move = self._again(move)
        if move.closes:
            self._close(move)
        if move.lacks and self._frame.level is not None:
            self._frame.level.lacking.update(move.lacks)
        if move.opens is not None:
            self._open(move.opens)
        if move.to is not self._at:
            assert move.to is not None
            self._at = move.to
            self._moves = self._table.moves(move.to)
        self._after = tag
        if not context.segment & 63:
            self._check_size()
        if not self._refused:
            self._read(elements)

    def whole(self, item: str) -> bool:
        """Read an item that stands whole in the text, and behind which another begins, by its shape; tell whether it was."""
        group, context = self._structure.item, self._context
        shape = self._shapes.shape(item)
        move = None
        if not self.between:
            move = self._table.move(self._at, group.entries[0].tag) if self._frames else None
            if move is None or move.opens is not group or not self.items_of_message:
                return False
        around = [frame for frame in self._frames if frame.plan is not None and frame.plan.around]
        assert group.entry is not None
        count = around[-1].counts.get(group, 0) + 1
        found = None
        # The first item of a group around it says what that group lacks.
        sound = not any(frame.faults or not frame.completed for frame in around)
        if sound and count <= group.entry.most and not (move and move.lacks):
            found = self._shapes.read(item, shape, count, self._splitter)
        if found is None or any(frame.level and merge(found[1], frame.level.record) for frame in reversed(around)):
            self._candidate = (item, shape)
            return False
        if move is not None:
            self._close(move)
            self.between = True
        around[-1].counts[group] = count
        self.items += 1
        self.items_of_message += 1
        context.segment += found[0].segments
        self._from = context.segment
        self._shapes.used(found[0])
        self.out.append(Subtree(self._structure.mapping.item_at, self.items, found[1], []))
        return True

    def ordinarily(self, elements: Sequence[Element]) -> None:
        """Begin to read in the ordinary way the item that whole() would not; the present segment is its first."""
        if self.between:
            self.between = False
            self._frame = self._frames[-1]
            self._open(self._structure.item)
            self._at = self._structure.item.entries[0]
            self._moves = self._table.moves(self._at)
            self._times = 1
            self._after = self._context.tag
            self._read(elements)
        else:
            self.take(elements)
        self._plain, self._candidate = self._candidate, None

    def end(self) -> None:
        """End the message; the present segment is its UNT, or what came instead of it."""
        move = self._table.move(self._at, "UNT")
        assert move is not None
        self._close(move)

    def finish(self) -> None:
        """Hand out what is left: the header, if no item came, and the faults that belong to no item."""
        if not self._headed:
            self._facts = self._context.header
            self._hand_out_header()
        self.beside()

    def beside(self) -> None:
        """Hand out the faults that belong to no item."""
        context = self._context
        if context.beside:
            name = self._structure.mapping.header_at if not self._headed else "message"
            self.out.append(Subtree(name or "message", 0, dict(context.header), context.beside))
            self._headed = True
            context.renew()

    def _read(self, elements: Sequence[Element]) -> None:
        frame, context = self._frame, self._context
        plan = frame.plan
        found = plan.segments.get(context.tag) if plan is not None else None
        if found is None:
            if plan is None or not plan.ignored:
                context.marks.unknown(context.tag)
                context.add("FIELD_UNKNOWN", name=context.tag)
            return
        segment, of_header = found
        level = frame.header if of_header else frame.level
        assert level is not None
        times = 0
        if segment.tests:
            times = level.times[context.tag] = level.times.get(context.tag, 0) + 1
        fields = segment.choose(elements, context.component, times)
        if fields is None:
            context.marks.unknown(context.tag)
            context.add("FIELD_UNKNOWN", name=context.tag)
            return
        context.ordinal = frame.ordinal
        if fields.each is not None:
            self._entry(fields, level, elements)
            return
        if fields.once and fields in level.seen:
            context.add("FIELD_REPEATED", name=fields.name)
        level.seen[fields] = (context.tag, context.segment)
        fields.read(elements, level.slots, context)

    def _entry(self, fields: Fields, level: Level, elements: Sequence[Element]) -> None:
        """Read a segment that is an entry of a list."""
        each, context = fields.each, self._context
        assert each is not None
        inner = each.scope.level(context)
        inner.seen[fields] = (context.tag, context.segment)
        context.counts[each.row] += 1
        self._append(level, each.slot, each.key, inner)
        fields.read(elements, inner.slots, context)
        each.scope.complete(inner, context)

    def _append(self, level: Level, slot: int, key: str, inner: Level) -> None:
        target = level.slots[slot]
        if target is None:
            target = open_slot(level.slots, slot, level.specs)
        target.setdefault(key, []).append(inner.record)

    def _open(self, group: Group) -> None:
        context, above = self._context, self._frame
        count = above.counts[group] = above.counts.get(group, 0) + 1
        entry = group.entry
        assert entry is not None
        if count == entry.most + 1:
            context.add("SEGMENT_TOO_OFTEN", name=entry.name, limit=entry.most)
        if group is self._structure.item:
            self._begin_item()
        plan = self._structure.plan(group)
        level = above.level
        if plan is not None and plan.own is not None and (level is None or plan.own.owners is not level.owners):
            level = plan.own.level(context)
            if plan.each is not None and above.level is not None and not self._refused:
                context.counts[plan.each.row] += 1
                self._append(above.level, plan.each.slot, plan.each.key, level)
        self._frame = _Frame(group, plan, level, count)
        self._frames.append(self._frame)
        if plan is not None and plan.around:
            context.begin_around(self.items + 1, self._frame.faults)

    def _begin_item(self) -> None:
        for frame in self._frames:
            frame.empty = False
            self._complete_outer(frame)
        if not self._headed:
            self._hand_out_header()
        self.beside()
        around = [each for frame in self._frames for each in frame.faults]
        self.items += 1
        self.items_of_message += 1
        self._from, self._byte = self._context.segment, self._splitter.consumed
        self._context.begin_item(self.items, around)

    def _hand_out_header(self) -> None:
        context = self._context
        self.out.append(Subtree(self._structure.mapping.header_at or "message", 0, dict(self._facts), context.beside))
        self._headed = True
        context.renew()

    def _complete_outer(self, frame: _Frame) -> None:
        """Fill in what stands around the items, once, before the first of them."""
        if frame.completed:
            return
        frame.completed = True
        if frame.plan is not None and frame.plan.own is not None and frame.level is not None:
            frame.plan.own.complete(frame.level, self._context)
        if frame.header is not None:
            self._structure.header.complete(frame.header, self._context)
            facts = {name: value for name, value in frame.header.record.items() if name != "items_count"}
            self._facts = self._context.header = {**self._context.header, **facts}

    def _close(self, move: Move) -> None:
        for group, lacks in move.closes:
            frame = self._frames.pop()
            assert frame.group is group
            shared = bool(self._frames) and frame.level is self._frames[-1].level
            if frame.level is not None:
                frame.level.lacking.update(lacks)
            if not self._refused:
                self._complete(frame, shared=shared)
            self._ended(frame)
        if self._frames:
            self._frame = self._frames[-1]

    def _complete(self, frame: _Frame, *, shared: bool) -> None:
        """Fill in what a group that ends has not said, and say what it should have had."""
        level, plan, context = frame.level, frame.plan, self._context
        if plan is not None and plan.around:
            self._complete_outer(frame)
        elif plan is not None and plan.own is not None and level is not None and not shared:
            plan.own.complete(level, context)
        if level is None or shared:
            return
        where = level.name(context.message)
        for tag in sorted(level.lacking):
            context.add("SEGMENT_MISSING", where=f"{where}/{tag}", line=level.line, container=where, name=tag)

    def _ended(self, frame: _Frame) -> None:
        context = self._context
        if frame.group is self._structure.item:
            self._end_item(frame)
        elif frame.plan is not None and frame.plan.around:
            if frame.empty:
                for each in frame.faults:
                    if context.beside.has_room(each.code, 0):
                        # They were to be those of the next item, but it stands in another group.
                        each.item_number = 0
                        context.beside.append(each)
            context.end_item()
        if frame.header is not None:
            self._count(frame.header)

    def _end_item(self, frame: _Frame) -> None:
        context = self._context
        level = frame.level
        assert level is not None
        for outer in reversed(self._frames):
            if outer.level is not None:
                self._merge(level, outer.level)
        number, faults = context.number, context.end_item()
        self.out.append(Subtree(self._structure.mapping.item_at, number, level.record, faults))
        if self._plain is not None and not faults:
            self._shapes.met(*self._plain)
        self._plain = None
        self._from = context.segment
        self._refused = False

    def _merge(self, level: Level, outer: Level) -> None:
        for name in merge(level.record, outer.record):
            where = level.name(self._context.message)
            self._context.add("AROUND_DIFFERS", where=where, line=level.line, name=name)

    def _count(self, header: Level) -> None:
        said = header.record.get("items_count")
        if said is not None and said != self.items_of_message:
            leaf = self._structure.mapping.header.leaves["items_count"]
            where = self._context.place(header, leaf.row.number, leaf.row.at)
            self._context.add("ITEMS_COUNT_DIFFERS", where=where, said=said, found=self.items_of_message)

    def _check_size(self) -> None:
        context = self._context
        many = context.segment - self._from
        if not context.number:
            if many > limit.HEADER_SEGMENTS:
                raise TooManySegments
        elif many > limit.ITEM_SEGMENTS and not self._refused:
            self._refused = True
            context.add("ITEM_TOO_COMPLEX", must=True, count=many, things="segments", limit=limit.ITEM_SEGMENTS)
        elif (size := self._splitter.consumed - self._byte) > limit.ITEM and not self._refused:
            self._refused = True
            context.add("ITEM_TOO_LARGE", must=True, size=size, limit=limit.ITEM)

    def _misplaced(self) -> None:
        """Note a segment that may not stand where it stands."""
        context = self._context
        context.marks.unknown(context.tag)
        if context.tag in self._table.tags:
            context.add("SEGMENT_UNEXPECTED", name=context.tag, after=self._after)
        else:
            context.add("SEGMENT_UNKNOWN", name=context.tag[:35] or "A segment without tag")
        if not context.segment & 63:
            self._check_size()

    def _again(self, move: Move) -> Move:
        """Count a segment that stood here before; if it has come too often, it may be another one of that tag."""
        self._times += 1
        assert move.to is not None
        most = move.to.most
        if self._times > most and move.over is not None:
            self._times = 1
            return move.over
        if self._times == most + 1:
            self._context.add("SEGMENT_TOO_OFTEN", name=self._context.tag, limit=most)
        return move
