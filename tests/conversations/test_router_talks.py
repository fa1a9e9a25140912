"""Every talk with the router comes out as it is written."""

from pathlib import Path

import pytest

from conversations.router_talk import PARTY, Talk

TALKS = sorted((Path(__file__).parent / "router").glob("*.txt"))


@pytest.mark.parametrize("path", TALKS, ids=lambda path: path.stem)
async def test_a_talk_comes_out_as_written(path, tmp_path):
    talk = Talk(tmp_path)
    await talk.bus.open()
    try:
        await talk.play(path.read_text("utf-8"))
        await talk.collect()
    finally:
        await talk.close()
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("parcelgate.sqlite*"))
    assert PARTY.encode() not in kept
