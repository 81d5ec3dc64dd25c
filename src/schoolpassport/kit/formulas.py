"""Text that a spreadsheet would take for a formula: led by an apostrophe it stays text, and can be read back.

Also behind white space, and behind apostrophes of its own, so that reading back gives exactly what was written.
"""

_BEGINS = ("=", "+", "-", "@", "\t", "\r")
_BLANKS = " \u00a0\n"
_PATTERN = "^'*[ \u00a0\n]*[=+@\t\r-]"  # the same, for DuckDB


def safe(text: str) -> str:
    return f"'{text}" if _is_formula(text) else text


def safe_sql(column: str) -> str:
    """SQL: ``safe`` of a column of text."""
    pattern = _PATTERN.replace("'", "''")
    return f"CASE WHEN regexp_matches({column}, '{pattern}') THEN '''' || {column} ELSE {column} END"


def read_back(text: str) -> str:
    """What ``safe`` was given."""
    return text[1:] if text[:1] == "'" and _is_formula(text[1:]) else text


def _is_formula(text: str) -> bool:
    return text.lstrip("'").lstrip(_BLANKS).startswith(_BEGINS)
