"""JSON Pointers (RFC 6901), from the root of the document; lines of NDJSON are counted as the entries of an array would be."""

_LONGEST = 64


def below(pointer: str, name: str | int) -> str:
    """Go one step down: to a member by its name, to an entry by its number from 0."""
    return f"{pointer}/{shown(name)}" if isinstance(name, str) else f"{pointer}/{name}"


def shown(name: str) -> str:
    """Write a name as a pointer does; one that is no text at all, or far too long, is cut and marked."""
    # A name of the sender's own may be anything, also half of a surrogate pair.
    name = name.encode("utf-8", "replace").decode()
    if len(name) > _LONGEST:
        name = f"{name[:8]}… ({len(name)} characters)"
    return name.replace("~", "~0").replace("/", "~1")


def steps_of(path: str) -> tuple[str, ...]:
    """Take the path of a mapping or a setting apart, without what chooses an occurrence."""
    return tuple(step.partition("[")[0] for step in path.split("/") if step)
