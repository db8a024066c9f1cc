"""What people read: terminal, HTML, Markdown and JSON. Reads the history's views, never a log."""
