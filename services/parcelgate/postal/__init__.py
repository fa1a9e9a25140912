"""Postal: interchanges of posts and customs mailboxes come in by HTTP or folder, are translated item by item and sent on.

Out go chunks on the advance hop, and to each partner its responses (CUSRSP) or filings (CUSITM) from the delivery log.
It keeps raw parts, items and decisions of interchanges, the newest version of each declaration, and closed messages.
"""
