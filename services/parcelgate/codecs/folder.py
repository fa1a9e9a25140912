"""Folders of formats: which there are, whether they have changed, and in which order they are read where one extends another."""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from parcelgate.codecs.mapping.row import MappingError

# Names, times and sizes of files.
State: TypeAlias = tuple[tuple[str, int, int], ...]
F = TypeVar("F")


def found(folder: Path) -> list[Path]:
    """Find the folders of formats below a folder of families."""
    return [path.parent for path in sorted(folder.glob("*/*/*/format.toml"))]


def state(folder: Path) -> State:
    """Tell names, times and sizes of the files of a format without its examples; one that goes away meanwhile is not there."""
    files = []
    for path in sorted(folder.rglob("*.*")):
        if path.parent.name == "examples":
            continue
        try:
            about = path.stat()
        except OSError:
            continue
        files.append((str(path), about.st_mtime_ns, about.st_size))
    return tuple(files)


class Folders(Generic[F]):
    """Reads the format.toml of folders that may extend each other, or formats known before."""

    def __init__(
        self, folders: Iterable[Path], known: Mapping[str, F], make: Callable[[Path, dict[str, Any], F | None], F]
    ) -> None:
        """Take the folders, the formats known by id, and what makes a format of a file, its words and what it extends."""
        # Names as the operator wrote them: a folder may be a link.
        self.folders = [folder.absolute() for folder in folders]
        self._known = known
        self._make = make
        self._by_id = {"/".join(folder.parts[-3:]): folder for folder in self.folders}
        self._done: dict[Path, F] = {}
        self._open: list[Path] = []

    def read(self, folder: Path) -> F:
        """Read one; raises MappingError."""
        if folder in self._done:
            return self._done[folder]
        path = folder / "format.toml"
        if folder in self._open:
            raise MappingError(f"{path}: it extends itself")
        self._open.append(folder)
        try:
            data = tomllib.loads(path.read_text("utf-8"))
            self._done[folder] = made = self._make(path, data, self._extended(path, data))
        except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
            raise MappingError(f"{path}: {error}") from None
        finally:
            self._open.pop()
        return made

    def _extended(self, path: Path, data: Mapping[str, Any]) -> F | None:
        name = data.get("extends")
        if name is None:
            return None
        # A variant may have the id of the format that it takes the place of.
        if name in self._by_id and name != data.get("id"):
            return self.read(self._by_id[name])
        if name not in self._known:
            raise MappingError(f"{path}: there is no format {name!r} that it could extend")
        return self._known[name]
