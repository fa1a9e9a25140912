"""Carrier: the edge of express carriers.

In come shipments, by gRPC, as canonical JSON or in a carrier's own dialect, and releases from the bus; out go versions of declarations to the router
and decisions to the carrier. It keeps the newest version of each declaration and the answer to each request.
"""
