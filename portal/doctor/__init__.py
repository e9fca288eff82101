"""``kvar doctor``: is everything that Kvar depends on as it should be?

Not monitoring: it is asked, looks once, and answers. The rule to keep: each finding that is not
right says what to do, and nothing is changed by looking.
"""
