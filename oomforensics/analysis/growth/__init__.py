"""Who grew before a kill, how, and since when the end was certain. Pure functions of samples.

series.py    the memory of one process, or of many together, over time
slope.py     how fast, robustly, with an interval
changes.py   when the rate of growth changed
shape.py     leak, burst, plateau or none of them
room.py      what was left of a limit, or of the machine
culprit.py   whose growth it was, and the moment from which on it was enough
wording.py   the same as sentences, and why something is not known
"""
