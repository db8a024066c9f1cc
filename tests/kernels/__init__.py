"""A laboratory in which real kernels run out of memory, watched by something that knows the truth."""
