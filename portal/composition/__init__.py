"""From a configuration to running processes: the only package that imports every other.

One module a process, so that each loads only what it needs: the gate, which alone has privileges,
never loads a web server. Not rules and not doors: they are built and joined here.
The rule to keep: a process is one task group; one child dies, all stop, the exit code is not 0.
"""
