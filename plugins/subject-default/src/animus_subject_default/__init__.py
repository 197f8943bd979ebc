"""The default subject backend: tasks and requirements in SQLite."""
