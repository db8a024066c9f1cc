"""Measured, never asserted. `python -m benchmarks` prints each figure beside a named baseline of the same run."""
