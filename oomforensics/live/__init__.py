"""The machine as it is now: memory left, how fast it goes, and whom the kernel would choose."""
