"""The tables of GPTCache's scalar store."""

from collections.abc import Mapping

from cache_studio.adapters.sqlite_open import Table

QUESTION, ANSWER, REPORT, SESSION = "_question", "_answer", "_report", "_session"
_COLUMNS = {
    QUESTION: {"id", "question", "create_on", "last_access", "embedding_data", "deleted"},
    ANSWER: {"id", "question_id", "answer", "answer_type"},
    REPORT: {"cache_question_id", "similarity", "cache_time"},
}
LIVE, DELETED = 0, -1
"""What the column `deleted` holds. Rows that are marked are removed for good, with their vectors, by GPTCache alone."""
TEXT = 0
"""The answer_type of a text; others are pictures, as base64 or by URL."""


def prefixes_of(tables: Mapping[str, Table]) -> list[str]:
    """The table prefixes of the caches in a database."""
    found = [name.removesuffix(QUESTION) for name in tables if name.endswith(QUESTION)]
    return [
        prefix
        for prefix in sorted(found)
        if all(
            prefix + suffix in tables and wanted <= set(tables[prefix + suffix].names)
            for suffix, wanted in _COLUMNS.items()
        )
    ]
