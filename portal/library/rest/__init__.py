"""Library systems asked over their own HTTP interfaces."""
