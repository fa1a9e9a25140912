"""A monitor whose facts are projected at once."""

import pytest

from monitor_gateway import Gateway


@pytest.fixture
async def gateway(tmp_path):
    made = Gateway(tmp_path)
    yield made
    await made.store.close()
