"""Readers of files with past answers: CSV, JSONL, XLSX, Markdown, chat exports, BEIR folders.

Each turns a file into rows of named cells; `rows.answer_of` checks a row and makes the answer.
"""

__all__ = ["chats", "files", "jsonl", "markdown", "rows", "spreadsheet"]
