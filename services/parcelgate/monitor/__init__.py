"""The monitor: what happened to every item and interchange, for those who look after them.

In come facts from every service. Out go the tracking service, a JSON API and a page for the browser. It keeps the
facts as they came, the newest state of every item and interchange, faults, and counts.
"""
