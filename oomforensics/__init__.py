"""Post-mortem analysis of Linux out-of-memory kills: why this process, proved with the kernel's own arithmetic."""

__version__ = "0.1.0"
