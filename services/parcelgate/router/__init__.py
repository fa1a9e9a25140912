"""The router: in come versions of declarations and reports of authorities; out go questions, filings and releases.

It keeps declarations in the order of their versions, cases with their state, and every decision ever made on them.
"""
