"""The commands: the only code that prints or exits."""
