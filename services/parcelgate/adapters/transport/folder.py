"""A mailbox as folders: in/ (the partner writes), out/ (we write), work/, done/ and error/.

Files are claimed by rename and appear by rename, so that nobody ever sees half of one. Names that end in .tmp or begin
with a dot are somebody's work in hand and are left alone; so is all that is not a plain file.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from itertools import chain, count
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_PIECE = 256 * 1024
# Folders take names of 255 bytes; a receipt and .result.json.tmp are added to those in done and error.
_LONGEST_NAME = 200
_LONGEST_SUFFIX = 20
FOLDERS = ("in", "out", "work", "done", "error")


class FolderMailbox:
    """The mailbox of one partner below a root folder; keeps the promises of postal.mailbox.Mailbox."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def open(self) -> None:
        """Make the folders that are missing."""
        await asyncio.to_thread(self._make)

    async def arrived(self, limit: int) -> list[str]:
        """Return names of files to be claimed, oldest first."""
        return await asyncio.to_thread(self._list, "in", limit)

    async def claimed(self) -> list[str]:
        """Return names of files that were claimed and not finished."""
        return await asyncio.to_thread(self._list, "work", 1_000_000)

    async def claim(self, name: str) -> bool:
        """Take a file into work; False if it is gone, or if one of this name is still in work."""
        return await asyncio.to_thread(self._claim, name)

    async def read(self, name: str) -> AsyncIterator[bytes]:
        """Read a claimed file in pieces."""
        file = await asyncio.to_thread((self._root / "work" / name).open, "rb")
        try:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece
        finally:
            file.close()

    async def finish(self, name: str, receipt: str, result: AsyncIterator[bytes], *, accepted: bool) -> str:
        """Put the result beside the file in done/ or error/, and the file after it; returns the name it has there.

        A file of the same name that lies there from another interchange is kept: the newer one gets its receipt, or a
        number, into its name. A name that leaves no room for that of the result is cut.
        """
        folder = self._root / ("done" if accepted else "error")
        target = await asyncio.to_thread(_free_name, folder, name, receipt)
        await self._write(folder / f"{target}.result.json", result)
        await asyncio.to_thread(_rename, self._root / "work" / name, folder / target)
        return target

    async def deliver(self, name: str, body: AsyncIterator[bytes], before_rename: Callable[[], None]) -> None:
        """Let a file appear in out/; one of the same name is replaced."""
        await self._write(self._root / "out" / name, body, before_rename)

    async def _write(
        self, path: Path, body: AsyncIterator[bytes], before_rename: Callable[[], None] | None = None
    ) -> None:
        half = path.with_name(path.name + ".tmp")
        file = await asyncio.to_thread(half.open, "wb")
        try:
            async for piece in body:
                await asyncio.to_thread(file.write, piece)
            await asyncio.to_thread(_sync, file.fileno(), file.flush)
        finally:
            file.close()
        if before_rename is not None:
            before_rename()
        await asyncio.to_thread(_rename, half, path)

    def _make(self) -> None:
        for name in FOLDERS:
            (self._root / name).mkdir(parents=True, exist_ok=True)

    def _list(self, folder: str, limit: int) -> list[str]:
        found = []
        with os.scandir(self._root / folder) as entries:
            for entry in entries:
                hidden = entry.name.startswith(".") or entry.name.endswith(".tmp")
                if not hidden and entry.is_file(follow_symlinks=False):
                    found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
        return [name for _, name in sorted(found)[:limit]]

    def _claim(self, name: str) -> bool:
        source, target = self._root / "in" / name, self._root / "work" / name
        if target.exists():
            return False
        try:
            _rename(source, target)
        except FileNotFoundError:
            return False
        return True


def _free_name(folder: Path, name: str, receipt: str) -> str:
    path = Path(_cut(name))
    marks = ("", f".{receipt}" if receipt else "")
    for mark in chain(marks, (f".{number}" for number in count(2))):
        found = f"{path.stem}{mark}{path.suffix}"
        if not (folder / found).exists():
            return found
    raise AssertionError("numbers do not end")


def _cut(name: str) -> str:
    """Cut a name so that its result's name fits as well; the digest tells it from others that begin in the same way."""
    raw = os.fsencode(name)
    if len(raw) <= _LONGEST_NAME:
        return name
    suffix = Path(name).suffix if len(os.fsencode(Path(name).suffix)) <= _LONGEST_SUFFIX else ""
    kept = raw[: _LONGEST_NAME // 2].decode("utf-8", "ignore")
    return f"{kept}~{sha256(raw).hexdigest()[:16]}{suffix}"


def _sync(handle: int, flush: Callable[[], None]) -> None:
    flush()
    os.fsync(handle)


def _rename(source: Path, target: Path) -> None:
    """Rename durably: the folders are on disk as well when this returns."""
    source.replace(target)
    for folder in {source.parent, target.parent}:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
