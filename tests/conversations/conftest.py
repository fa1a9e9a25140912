"""Every conversation is held over both engines."""

import pytest

from houses import engine

__all__ = ("engine",)


@pytest.fixture(autouse=True)
def _over_both(engine):
    """Let each test of this folder stand on either engine."""
