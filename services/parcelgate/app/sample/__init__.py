"""Realistic traffic from a seed: postal items and express shipments, clean ones and, in stated shares, ailing ones.

Comes in: a seed, a count, a day. Goes out: samples, interchanges, shipments. Keeps nothing: the same arguments give the same bytes.
"""

from parcelgate.app.sample.plan import Channel, Plan
from parcelgate.app.sample.traffic import Sample, traffic

__all__ = ["Channel", "Plan", "Sample", "traffic"]
