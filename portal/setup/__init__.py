"""``kvar setup``: nine questions, and the configuration that follows from their answers.

Not what is done with them (composition/setup.py). The rule to keep: nothing is written here, and
every refused answer says what to write instead.
"""

from pathlib import Path

TEXTS = Path(__file__).with_name("texts")
"""The dialogue's words, one file a language."""
