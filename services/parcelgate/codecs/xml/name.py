"""Names of elements: as mappings write them, with a prefix of the format, and as lxml does, with the namespace in braces."""

from collections.abc import Mapping


class Names:
    """The namespaces of one format by prefix; the one without prefix is that of its own elements."""

    def __init__(self, spaces: Mapping[str, str]) -> None:
        """Take them; raises ValueError if two prefixes mean the same namespace."""
        self._spaces = dict(spaces)
        self._prefixes = {space: f"{prefix}:" if prefix else "" for prefix, space in spaces.items()}
        if len(self._prefixes) != len(self._spaces):
            raise ValueError("two prefixes have one namespace")

    @property
    def declared(self) -> Mapping[str, str]:
        """The namespaces by prefix."""
        return self._spaces

    def tag(self, name: str) -> str:
        """Write a name as lxml does; raises KeyError for a prefix that the format does not have."""
        prefix, _, local = name.rpartition(":")
        space = self._spaces[prefix]
        return f"{{{space}}}{local}" if space else local

    def name(self, tag: str) -> str | None:
        """Write a tag of lxml as mappings do; None if its namespace is none of the format's."""
        space, brace, local = tag.rpartition("}")
        prefix = self._prefixes.get(space[1:] if brace else "")
        return None if prefix is None else prefix + local
