"""Carrier: the edge of express carriers.

In come shipments, by gRPC or as canonical JSON, and releases from the bus; out go versions of declarations to the router
and decisions to the carrier. It keeps the newest version of each declaration and the answer to each request.
"""
