"""Folders of formats for tests: a shipped one with changes, or a variant that extends one."""

from pathlib import Path

from parcelgate.codecs.registry import shipped


def copied(place: Path, format_id="upu/cusrsp/own-1", **changes) -> Path:
    """Copy a shipped format below a folder; changes are (old, new) texts by the file's name (faulty_toml, or mapping)."""
    source = shipped().get(format_id).folder
    folder = place / format_id
    changed = set()
    for path in sorted(source.rglob("*.*")):
        text = path.read_text("utf-8")
        key = path.name.replace(".", "_") if path.stem not in changes else path.stem
        for old, new in changes.get(key, ()):
            assert old in text, (path, old)
            text = text.replace(old, new)
            changed.add(key)
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    assert changed == changes.keys()
    return folder


def variant(place: Path, mapping="", extends="upu/cusitm/own-1", name="post-x/cusitm/2", **files) -> Path:
    """Write a variant; files are further ones by their name, with _ for the dot."""
    folder = place / name
    folder.mkdir(parents=True, exist_ok=True)
    words = f'id = "{name}"\nextends = "{extends}"\nprovenance = "Agreed with post X on 2026-11-20."\n'
    (folder / "format.toml").write_text(words + files.pop("words", ""), "utf-8")
    if mapping:
        (folder / "mapping.toml").write_text(mapping, "utf-8")
    for file, text in files.items():
        (folder / file.replace("_", ".")).write_text(text, "utf-8")
    return folder
