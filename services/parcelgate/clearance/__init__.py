"""In: calls to decide on declarations, each with its case, risk's assessment and the day of acceptance (gRPC Decide).

Out: one fiscal decision a call, with release category, duties and taxes, reasons, and what the declarant is asked for.
Keeps: nothing. The same call with the same tables (schemas/regimes) gives the same decision.
"""
