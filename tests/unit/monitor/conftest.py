"""A monitor whose facts are projected at once."""

import pytest

from houses import engine
from monitor_gateway import Gateway

__all__ = ("engine",)


@pytest.fixture
async def gateway(tmp_path, engine):
    made = Gateway(tmp_path)
    yield made
    await made.store.close()
