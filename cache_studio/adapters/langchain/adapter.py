"""The adapter of LangChain's SQLite cache: an entry is a prompt to a model, with all generations of its answer."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from cache_studio.adapters.base import require_found
from cache_studio.adapters.defaults import join, lookup_by_scan
from cache_studio.adapters.langchain.groups import Groups
from cache_studio.adapters.langchain.layout import TABLE, is_cache, model_of, shown_prompt
from cache_studio.adapters.sqlite_adapter import RowsAdapter
from cache_studio.adapters.sqlite_columns import numbers, stamps_of
from cache_studio.adapters.sqlite_copies import COPY_BYTES
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_listing import CHANGING
from cache_studio.adapters.sqlite_open import quoted
from cache_studio.adapters.sqlite_pages import Page
from cache_studio.adapters.sqlite_rows import entry_id_of
from cache_studio.adapters.sqlite_text import lengths_sql, shown_key
from cache_studio.adapters.sqlite_values import column_piece
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, make_batch
from cache_studio.model.errors import WrongFormat
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.seeing import Source
from cache_studio.model.targets import Target

_SAME = f"FROM {TABLE} AS other WHERE other.prompt = {TABLE}.prompt AND other.llm = {TABLE}.llm"
"""The rows of the same entry; the primary key finds them."""
_MOST_SHOWN = 20
"""Generations that are shown as pieces of their own."""


class LangchainAdapter(RowsAdapter):
    """Prompts as keys, models as namespaces. LangChain's cache knows no expiry."""

    largest_copy = COPY_BYTES
    sources = {"expires": Source.DERIVED}

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "LangchainAdapter":
        """Open the database."""
        adapter = cls()
        adapter.database = Database(target.location)
        try:
            adapter._choose_table()
            adapter._set_capabilities([Ability.READ, Ability.WATCH, *CHANGING], writable)
        except BaseException:
            adapter.database.close()
            raise
        return adapter

    def _choose_table(self) -> None:
        tables = self.database.tables()
        if not is_cache(tables):
            raise WrongFormat(f"The database has no table “{TABLE}” of LangChain.", "Check the path.")
        table = tables[TABLE]
        self.rows = Groups(table, ("prompt", "llm"), table.rowid_name, "idx")

    # Listing.

    def _key_column(self) -> str:
        return "prompt"

    def _expressions(self) -> Sequence[str]:
        first = f"idx IS (SELECT min(other.idx) {_SAME})"
        size = f"(SELECT total({lengths_sql('other.response')}) {_SAME})"
        return ["prompt", "llm", first, f"(SELECT count(*) {_SAME})", size]

    def _batch(self, page: Page) -> Batch:
        firsts = [row for row in page if row[-3]]
        prompts = [shown_key(row[-5]) for row in firsts]
        return make_batch(
            [entry_id_of(row[-5:-3], row[0]) for row in firsts],
            [shown_prompt(prompt) for prompt in prompts],
            stamps_of(firsts),
            namespaces=[model_of(shown_key(row[-4])) for row in firsts],
            size=numbers([row[-1] for row in firsts]),
            expires=np.full(len(firsts), np.inf),
        )

    def lookup(self, keys: Collection[str], namespace: str | None = None) -> Batch:
        """By the index where the key is the prompt as it is stored, by a scan for what is shown otherwise."""
        found = super().lookup(keys, namespace)
        missing = set(keys) - set(found.keys)
        return join([found, lookup_by_scan(self, missing, namespace)]) if missing else found

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """Every generation of the answer, then the prompt and the model's parameters as they are stored."""
        self.database.require_same_file()
        where, values = self.rows.place(entry_id)
        table = quoted(TABLE)
        indexes = self.database.rows(f"SELECT idx FROM {table} WHERE {where} ORDER BY idx", values)
        require_found(indexes, _prompt_of(entry_id))
        pieces: list[Piece] = []
        for (idx,) in indexes[:_MOST_SHOWN]:
            name = f"generation {shown_key(idx)}" if pieces else "value"
            place = (f"{where} AND idx IS ?", [*values, idx])
            pieces.append(column_piece(self.database, self.rows.table, "response", place, max_bytes, name=name))
        for column in ("prompt", "llm"):
            pieces.append(column_piece(self.database, self.rows.table, column, (where, values), max_bytes, name=column))
        (llm,) = self.database.rows(f"SELECT substr(llm, 1, 100000) FROM {table} WHERE {where} LIMIT 1", values)[0]
        facts = [Fact("Generations", str(len(indexes))), Fact("Model", model_of(shown_key(llm)))]
        return Payload(tuple(pieces), tuple(fact for fact in facts if fact.value))

    def details(self) -> Mapping[str, object]:
        """The pages of the database; rows are generations, so there may be more of them than entries."""
        return self._pages_details() | {"rows": self.database.value(f"SELECT count(*) FROM {quoted(TABLE)}")}


def _prompt_of(entry_id: EntryId) -> str:
    match entry_id:
        case (str() as prompt, _):
            return shown_prompt(prompt)
        case _:
            return ""
