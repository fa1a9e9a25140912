"""Where the data that travels with the distribution lies: schemas/ and proto/."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def schemas() -> Path:
    """Return the folder of formats, code lists, regimes, profiles and partners.

    In a wheel it lies inside the package; in a checkout beside the source root.
    """
    return _find("schemas")


def contracts() -> Path:
    """Return the folder of the .proto files."""
    return _find("proto")


def _find(name: str) -> Path:
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parents[1] / name
