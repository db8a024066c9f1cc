"""Post-mortem analysis of Linux out-of-memory kills: why this process, proved with the kernel's own arithmetic.

    import oomforensics

    with oomforensics.read_logs("/var/log/kern.log") as history:
        incident = history.incident("latest")
        incident.verdict, incident.candidates()

Nothing is loaded before it is used: the recorder of `oomforensics capture` imports this too, and keeps it in locked memory.
"""

__version__ = "0.1.0"
__all__ = [
    "History",
    "HistoryError",
    "Incident",
    "OomforensicsError",
    "UsageError",
    "WhatIf",
    "open_history",
    "read_logs",
]

TYPE_CHECKING = False  # as typing's, which would be loaded for it
if TYPE_CHECKING:
    from oomforensics.errors import HistoryError, OomforensicsError, UsageError
    from oomforensics.library.history import History, open_history, read_logs
    from oomforensics.library.incident import Incident, WhatIf

_WHERE = {
    "History": "library.history",
    "HistoryError": "errors",
    "Incident": "library.incident",
    "OomforensicsError": "errors",
    "UsageError": "errors",
    "WhatIf": "library.incident",
    "open_history": "library.history",
    "read_logs": "library.history",
}


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    found = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
