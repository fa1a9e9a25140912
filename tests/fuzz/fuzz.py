"""Coverage-guided fuzzing of one engine: whatever the bytes are, reading ends with one answer, and what was read is written alike.

    python tests/fuzz/fuzz.py xml --seconds 300

What breaks it is kept in build/fuzz/<syntax>/, with the trace on standard error; put it into tests/corpus/ with the mending.
"""

import argparse
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["parcelgate.codecs"]):
    from parcelgate.codecs import translate
    from parcelgate.codecs.event import Closed, Header, ItemRead
    from parcelgate.codecs.registry import shipped

from google.protobuf.message_factory import GetMessageClass
from mutation import mutate

from parcelgate.api.record.v1.declaration_pb2 import Declaration
from parcelgate.api.record.v1.item_pb2 import Item

ROOT = Path(__file__).parents[2]
# A document of this size has room for every shape there is; larger ones only take longer.
LONGEST = 16 * 1024
# One input may take so many seconds: whatever takes longer hangs, or is not linear.
PATIENCE_SECONDS = 10


def main() -> None:
    """Fuzz until the runs or the seconds are used up; the process ends with another code than 0 if something broke."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("syntax")
    given.add_argument("--seconds", type=int, default=0)
    given.add_argument("--runs", type=int, default=-1)
    given.add_argument("--seed", type=int, default=0)
    given.add_argument(
        "--until",
        default="",
        help="a fault code that counts as broken, if no document had it from the start: shows that the fuzzing can fail",
    )
    given.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz")
    asked = given.parse_args()
    forms = [form for form in shipped() if form.syntax == asked.syntax]
    if not forms:
        given.error(f"no format has the syntax {asked.syntax}")
    folder = asked.folder / asked.syntax
    for name in ("found", "seeds"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    plant(folder / "seeds", asked.syntax, forms)
    known = {path.read_bytes() for path in (folder / "seeds").iterdir()}
    words = folder / "words.dict"
    words.write_text("".join(f'"{word}"\n' for word in sorted(vocabulary(forms))), "utf-8")
    arguments = [
        f"-max_total_time={asked.seconds}",
        f"-runs={asked.runs}",
        f"-seed={asked.seed}",
        f"-max_len={LONGEST}",
        f"-timeout={PATIENCE_SECONDS}",
        f"-dict={words}",
        f"-artifact_prefix={folder}/",
        str(folder / "found"),
        str(folder / "seeds"),
    ]
    atheris.Setup(
        [sys.argv[0], *arguments],
        lambda data: try_one(data, forms, "" if data in known else asked.until),
        custom_mutator=lambda data, most, seed: mutate(asked.syntax, data, most, seed, atheris.Mutate),
    )
    atheris.Fuzz()


def plant(folder: Path, syntax: str, forms: list) -> None:
    """Begin with the examples of the formats, and with all that ever broke us."""
    examples = [path for form in forms for path in (form.folder / "examples").iterdir() if path.suffix != ".toml"]
    corpus = [path for path in (ROOT / "tests" / "corpus" / syntax).glob("*") if path.suffix != ".toml"]
    for number, path in enumerate(examples + corpus):
        data = path.read_bytes()
        for place, form in enumerate(forms):
            if form.folder in path.parents or path in corpus:
                (folder / f"{number:03}-{place}").write_bytes(bytes((place, 0)) + data)


def vocabulary(forms: list) -> set[str]:
    """Collect the names that the mappings know."""
    steps = {step for form in forms for path in form.mapping.paths for step in path.replace(" ", "/").split("/")}
    return {step for step in steps if step.isascii() and step.replace("_", "").isalnum()}


def try_one(data: bytes, forms: list, until: str = "") -> None:
    """Read a document in parts as its first two bytes say: which format it is said to be of, and how large its parts are."""
    if len(data) < 2:
        return
    form, size, body = forms[data[0] % len(forms)], data[1] or len(data), data[2:]
    translate.recognise(body)
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    *events, closed = translate.read(parts, form.id)
    assert isinstance(closed, Closed), closed
    assert not any(isinstance(event, Closed) for event in events)
    items = [event for event in events if isinstance(event, ItemRead)]
    assert [item.number for item in items] == list(range(1, len(items) + 1))
    assert (closed.items, closed.accepted) == (len(items), sum(item.accepted for item in items))
    assert all(item.accepted or item.faults for item in items)
    assert not until or all(fault.code != until for item in items for fault in item.faults), until
    if closed.routable and items and not any(item.faults for item in items):
        facts = next((event.values for event in events if isinstance(event, Header)), {})
        write_alike(form, facts, items)


def write_alike(form, facts, items: list[ItemRead]) -> None:
    """Write what was read without a fault, and read it again."""
    records = [record(form, item) for item in items]
    try:
        again = b"".join(translate.write(form.id, facts, records))
    except translate.NotWritten:
        return
    *events, closed = translate.read([again], form.id)
    repeated = [event for event in events if isinstance(event, ItemRead)]
    assert closed.routable, (closed.faults, again)
    assert [record(form, item) for item in repeated] == records, again
    assert [item.canonical_hash for item in repeated] == [item.canonical_hash for item in items]


def record(form, item: ItemRead):
    """Make the record of an item, without what only the gateway says of it.

    An empty field may be one that the schema wants: left out, it is a finding.
    """
    found = GetMessageClass(form.mapping.record).FromString(item.message)
    if isinstance(found, Declaration):
        found.item.CopyFrom(Item.FromString(item.item))
        found.ClearField("provenance")
        found.ClearField("findings")
        # The order of parties of different roles is not the document's business.
        parties = sorted(found.item.parties, key=lambda party: party.role)
        del found.item.parties[:]
        found.item.parties.extend(parties)
    return found


if __name__ == "__main__":
    main()
