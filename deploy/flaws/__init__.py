"""The report of known flaws in what is shipped: `make flaws`.

Not a scanner of code, and no list of its own: it asks whoever keeps one (``sources.py``,
``debian.py``). The rule to keep: silence is no good news. A source counts only when it first names
a flaw that everybody knows; what nobody could tell of is listed by name.
"""
