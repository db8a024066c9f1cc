"""The history: every incident ever ingested, in one DuckDB file. Alone in writing tables; people read its views."""
