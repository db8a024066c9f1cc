"""What can go wrong, and the exit code that a script sees.

OomforensicsError
├── UsageError      2   the request cannot be understood or answered as asked
└── HistoryError    3   the database cannot be used: locked, newer schema, damaged, not ours
"""

from __future__ import annotations


class OomforensicsError(Exception):
    """Base of every error shown to a user as one line on stderr."""

    exit_code = 1


class UsageError(OomforensicsError):
    exit_code = 2


class HistoryError(OomforensicsError):
    exit_code = 3
