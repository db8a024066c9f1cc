"""The live recorder: the standard library alone, few modules of it, and nothing else of this package.

It copies what /proc and cgroupfs say into a spool; `read` and `decode` take it apart again, elsewhere and later.
Nothing here may import typing, dataclasses, re, json, pathlib or logging except `read`, `decode` and `samples`, which
the recorder never loads: they would add 4 MB to what it keeps locked in memory.
"""
