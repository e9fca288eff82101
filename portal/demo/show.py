"""``make demo``: the world, and where to look at it, until Ctrl-C.

Not a check (check.py): a person looks. Phone 1 is in the visitor's own browser, by way of the
lab's relay.
"""
