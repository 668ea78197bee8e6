"""The adapter of GPTCache: an entry is a question; invalidating marks it as the library itself does."""

from collections.abc import Mapping, Sequence

import numpy as np

from cache_studio.adapters.base import EntryCopy, Keep, Kept, require_found
from cache_studio.adapters.gptcache.layout import ANSWER, LIVE, QUESTION, REPORT, SESSION, TEXT, prefixes_of
from cache_studio.adapters.gptcache.marked import MarkedRows
from cache_studio.adapters.sqlite_adapter import RowsAdapter
from cache_studio.adapters.sqlite_columns import numbers, stamps_of
from cache_studio.adapters.sqlite_copies import COPY_BYTES
from cache_studio.adapters.sqlite_database import Database
from cache_studio.adapters.sqlite_listing import CHANGING
from cache_studio.adapters.sqlite_open import Cell, Table, quoted
from cache_studio.adapters.sqlite_pages import Page
from cache_studio.adapters.sqlite_removing import CopiedBeside
from cache_studio.adapters.sqlite_rows import NEWER, Row
from cache_studio.adapters.sqlite_text import lengths_sql, shown_key, shown_keys
from cache_studio.adapters.sqlite_values import column_piece
from cache_studio.adapters.time_columns import moments
from cache_studio.model.capabilities import Ability
from cache_studio.model.columns import Batch, Floats, make_batch
from cache_studio.model.errors import WrongFormat
from cache_studio.model.identity import EntryId
from cache_studio.model.options import OptionValue
from cache_studio.model.payload import Fact, Payload, Piece
from cache_studio.model.seeing import Counters, Removal, Restoration, Return, Scope, Source
from cache_studio.model.targets import Target

_MOST_ANSWERS = 20


class GptcacheAdapter(RowsAdapter):
    """Questions as keys. The vectors lie elsewhere: GPTCache removes them when it clears what is marked."""

    largest_copy = COPY_BYTES
    sources = {"expires": Source.DERIVED}
    rows: MarkedRows
    _tables: Mapping[str, Table]
    _prefix: str

    @classmethod
    def open(cls, target: Target, options: Mapping[str, OptionValue], *, writable: bool) -> "GptcacheAdapter":
        """Open the cache with the prefix that the options name, or the first one."""
        adapter = cls()
        adapter._prefix = str(options.get("prefix") or "")
        adapter.database = Database(target.location)
        try:
            adapter._choose_table()
            adapter._set_capabilities([Ability.READ, Ability.WATCH, Ability.ACCESS_TIMES, *CHANGING], writable)
        except BaseException:
            adapter.database.close()
            raise
        return adapter

    def _choose_table(self) -> None:
        self._tables = self.database.tables()
        prefixes = prefixes_of(self._tables)
        if self._prefix not in (*prefixes, "") or not prefixes:
            named = f" “{self._prefix}{QUESTION}”" if self._prefix else ""
            raise WrongFormat(f"The database has no table{named} of GPTCache.", "Check the path and the prefix.")
        self._prefix = self._prefix or prefixes[0]
        self.rows = MarkedRows(self._tables[self._prefix + QUESTION], ("id",), "", self._prefix + ANSWER)

    def _table(self, suffix: str) -> str:
        return quoted(self._prefix + suffix)

    # Listing.

    def _key_column(self) -> str:
        return "question"

    def _expressions(self) -> Sequence[str]:
        own = f"{lengths_sql('question')} + {lengths_sql('embedding_data')}"
        return ["question", "create_on", "last_access", "deleted", own]

    def _batch(self, page: Page) -> Batch:
        live = [row for row in page if row[4] == LIVE]
        if not live:
            return make_batch([], [], [])
        ids, questions, created, accessed, _deleted, sizes = zip(*live, strict=True)
        answers = self._per_question(ids, f"total({lengths_sql('answer')})", ANSWER, "question_id")
        hits = self._per_question(ids, "count(*)", REPORT, "cache_question_id")
        stamped = [(*row, answer) for row, answer in zip(live, answers.tolist(), strict=True)]
        return make_batch(
            [number if isinstance(number, int) else 0 for number in ids],
            shown_keys(questions),
            stamps_of(stamped),
            size=numbers(sizes) + answers,
            created=moments(created, "iso", "local"),
            accessed=moments(accessed, "iso", "local"),
            expires=np.full(len(live), np.inf),
            hits=hits,
        )

    def _per_question(self, ids: Sequence[Cell], figure: str, suffix: str, column: str) -> Floats:
        """A figure over the rows of another table for each question; 0 without rows. One query for a page."""
        wanted = [number for number in ids if isinstance(number, int)]
        sql = f"SELECT {column}, {figure} FROM {self._table(suffix)} WHERE {column} BETWEEN ? AND ? GROUP BY 1"
        rows = self.database.rows(sql, [min(wanted), max(wanted)]) if wanted else []
        found: dict[Cell, Cell] = {row[0]: row[1] for row in rows}
        return numbers([found.get(number, 0) for number in ids])

    # Reading.

    def read(self, entry_id: EntryId, max_bytes: int | None = None) -> Payload:
        """The answers, then the question and its embedding."""
        self.database.require_same_file()
        place = self.rows.place(entry_id)
        found = self.database.rows(f"SELECT id FROM {self._table(QUESTION)} WHERE {place[0]}", place[1])
        require_found(found, str(entry_id))
        sql = f"SELECT id, answer_type FROM {self._table(ANSWER)} WHERE question_id = ? ORDER BY id"
        pieces = [
            self._answer_piece(f"answer {order}" if order > 1 else "value", row, max_bytes)
            for order, row in enumerate(self.database.rows(sql, found[0])[:_MOST_ANSWERS], 1)
        ]
        missing = Piece("value", b"", 0, problem="The question has no answer.")
        embedding = column_piece(
            self.database, self.rows.table, "embedding_data", place, max_bytes, name="embedding", hint="bytes"
        )
        question = column_piece(
            self.database, self.rows.table, "question", place, max_bytes, name="question", hint="text"
        )
        return Payload((*(pieces or [missing]), question, embedding), self._facts(found[0][0]))

    def _answer_piece(self, name: str, row: tuple[Cell, ...], max_bytes: int | None) -> Piece:
        hint = "text" if row[1] == TEXT else ""
        table = self._tables[self._prefix + ANSWER]
        return column_piece(self.database, table, "answer", ("id IS ?", [row[0]]), max_bytes, name=name, hint=hint)

    def _facts(self, number: Cell) -> tuple[Fact, ...]:
        facts: list[Fact] = []
        sql = f"SELECT avg(similarity) FROM {self._table(REPORT)} WHERE cache_question_id = ?"
        similarity = self.database.value(sql, [number])
        if isinstance(similarity, float):
            facts.append(Fact("Similarity of hits", f"{similarity:.3f} on average", Source.DERIVED))
        if self._prefix + SESSION in self._tables:
            sql = f"SELECT DISTINCT session_id FROM {self._table(SESSION)} WHERE question_id = ? LIMIT 20"
            sessions = [shown_key(row[0]) for row in self.database.rows(sql, [number])]
            facts += [Fact("Sessions", ", ".join(sessions))] if sessions else []
        return tuple(facts)

    # Removing and restoring.

    def _take_beside(self, rows: Mapping[EntryId, Row], keep: Keep | None) -> Mapping[EntryId, CopiedBeside | Removal]:
        """Note the newest question, to know later whether one was asked anew."""
        newest = CopiedBeside({"newest": self.database.value(f"SELECT max(id) FROM {self._table(QUESTION)}")})
        return dict.fromkeys(rows, newest)

    def _restore_beside(self, extra: Mapping[str, object], copy: EntryCopy, kept: Kept) -> Restoration | None:
        newest = extra.get("newest")
        sql = f"SELECT 1 FROM {self._table(QUESTION)} WHERE question = ? AND deleted = {LIVE} AND id > ? LIMIT 1"
        again = isinstance(newest, int) and self.database.rows(sql, [copy.key, newest])
        return Restoration(Return.NEWER_KEPT, NEWER) if again else None

    # Figures.

    def counters(self) -> Counters:
        """One row of the report is one hit; misses are not recorded."""
        hits = self.database.value(f"SELECT count(*) FROM {self._table(REPORT)}")
        return Counters(int(hits or 0), None, Source.RECORDED, Scope.CACHE)

    def details(self) -> Mapping[str, object]:
        """The pages of the database, what waits to be cleared by GPTCache, and how alike the hits were."""
        marked = self.database.value(f"SELECT count(*) FROM {self._table(QUESTION)} WHERE deleted != {LIVE}")
        similarity = self.database.value(f"SELECT avg(similarity) FROM {self._table(REPORT)}")
        return self._pages_details() | {
            "marked_deleted": marked,
            "average_similarity": similarity if isinstance(similarity, float) else None,
        }
