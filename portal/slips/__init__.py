"""Slips on paper and on screens: QR codes, pages, PDF, thermal printers. Takes plain data only."""

from pathlib import Path

TEXTS = Path(__file__).parent / "texts"
"""The words of slips and displays, one file a language; whoever builds the pages loads them."""
