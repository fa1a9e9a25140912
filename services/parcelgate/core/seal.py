"""Personal data is sealed: AES-256-GCM with a data key for each interchange, wrapped by the master key.

Deleting a data key erases all it sealed, wherever copies lie: in state, outbox, bus, retries or dead letters.
"""

import contextlib
import os
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from parcelgate.core.fault import fault
from parcelgate.core.port import DataKey, RejectError, Store

_NONCE = 12
_MASTER = 32
_KEPT = 4096


def put_file(path: Path, content: bytes) -> None:
    """Let a file that only its owner can read appear whole, or not at all, as on a full disk; replaces an older one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def master_key(path: Path) -> bytes:
    """Read the master key, or make one that only its owner can read; 32 bytes. Raises ValueError if it is damaged."""
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        put_file(fresh, secrets.token_bytes(_MASTER))
        try:
            # Of two that make it at the same moment, the first one's stays.
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
        finally:
            fresh.unlink()
        # Its name has to be on the disk as well before anything is sealed with it.
        _sync_folder(path.parent)
        return path.read_bytes()
    if len(key) != _MASTER:
        raise ValueError(f"{path} is no key: it has {len(key)} bytes instead of {_MASTER}. Restore it.")
    return key


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Vault:
    """Makes data keys, seals and opens. Holds the 4,096 opened keys in memory that were used last.

    Who waits for anything between two uses of a key fetches (or holds) it again: others may have come in between.
    """

    def __init__(self, master: bytes, store: Store) -> None:
        self._master = AESGCM(master)
        self._store = store
        self._open_keys: OrderedDict[str, AESGCM] = OrderedDict()

    def new_key(self) -> DataKey:
        """Make a data key; it must be committed together with what it seals."""
        key_id, key, nonce = secrets.token_hex(16), secrets.token_bytes(32), secrets.token_bytes(_NONCE)
        self._keep(key_id, AESGCM(key))
        return DataKey(key_id, nonce + self._master.encrypt(nonce, key, key_id.encode()))

    async def fetch(self, key_ids: Iterable[str]) -> None:
        """Bring data keys into memory, so that seal and open can follow without waiting."""
        wanted = {key_id for key_id in key_ids if key_id}
        missing = sorted(wanted - self._open_keys.keys())
        for key_id in wanted & self._open_keys.keys():
            self._open_keys.move_to_end(key_id)
        if not missing:
            return
        for key_id, wrapped in (await self._store.data_keys(missing)).items():
            self.hold(DataKey(key_id, wrapped))

    def hold(self, key: DataKey) -> None:
        """Bring a data key into memory that need not be stored yet."""
        if key.id not in self._open_keys:
            plain = self._master.decrypt(key.wrapped[:_NONCE], key.wrapped[_NONCE:], key.id.encode())
            self._keep(key.id, AESGCM(plain))

    def seal(self, key_id: str, plain: bytes) -> bytes:
        """Seal bytes with a key that was made or fetched before."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._key(key_id).encrypt(nonce, plain, key_id.encode())

    def open(self, key_id: str, sealed: bytes) -> bytes:
        """Open sealed bytes; raises RejectError if the key was erased or the bytes were changed."""
        try:
            return self._key(key_id).decrypt(sealed[:_NONCE], sealed[_NONCE:], key_id.encode())
        except (InvalidTag, ValueError):
            raise RejectError(fault("SEAL_BROKEN")) from None

    def forget(self, key_id: str) -> None:
        """Drop a key from memory after it was erased."""
        self._open_keys.pop(key_id, None)

    def _key(self, key_id: str) -> AESGCM:
        try:
            self._open_keys.move_to_end(key_id)
        except KeyError:
            raise RejectError(fault("DATA_ERASED")) from None
        return self._open_keys[key_id]

    def _keep(self, key_id: str, key: AESGCM) -> None:
        self._open_keys[key_id] = key
        while len(self._open_keys) > _KEPT:
            self._open_keys.popitem(last=False)
