"""Codecs: documents of any format to canonical records and back. In come bytes, out go values; nothing is kept.

    from parcelgate.codecs import translate

    translate.recognise(first, *, agreed=()) -> str | Fault
        The id of a format (upu/cusitm/own-1) from the first bytes of a document; agreed tells variants apart that look alike.

    translate.read(parts, format_id, *, leniencies=frozenset(), origin=None) -> Iterator[Event]
        parts are bytes of any size; events (parcelgate.codecs.event) come as soon as they are known:
        Header(values), then ItemRead(number, accepted, identifier, message, item, canonical_hash, faults) for each item, and
        at the end always one Closed(complete, items, accepted, rejected, faults, ledger, header). No bytes raise anything.
        message is a Declaration without its item (item then has the Item) or a Release, as protobuf bytes; a declaration
        has its provenance (references, item number, format), canonical hash and findings already; partner, environment,
        receipt, time of receipt and the id as well if origin says them. Its version is still to be assigned.
        Only a document whose Closed is routable may be routed.

    translate.write(format_id, header, messages) -> Iterator[bytes]
        header has the names that Header.values has when the document is read; messages are Declarations with their items,
        or Releases. The same records give the same bytes.

A format is a folder of data (registry.py), checked by check.py; mapping/ turns its rows into readers and writers, xml/ is the engine of its syntax.
"""
