"""Questions asked for every mail: written in Core as all are, compiled once for each database, and run by its driver.

What Core does around a statement each time costs several times the answer of the database (`benchmarks/deciding.py`).
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ARRAY, ColumnElement, Connection, Dialect, Text, TypeDecorator, bindparam
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_Processor = Callable[[Any], Any]


class Question:
    """A SELECT whose text is the same whatever it is asked about: lists are bound as one value (`among`)."""

    def __init__(self, select: Any) -> None:
        self._select = select
        self._row: Any = namedtuple("_row", [column.name for column in select.selected_columns])  # type: ignore[misc]
        self._forms: dict[str, _Form] = {}

    def ask(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """The rows of the answer, as named tuples; raises the DBAPIErrors that Core raises."""
        dialect = connection.dialect
        form = self._forms.get(dialect.name)
        if form is None:
            form = self._forms[dialect.name] = _compile(self._select, dialect)
        bound = form.bind(values)
        cursor = connection.connection.cursor()
        try:
            dialect.do_execute(cast(Any, cursor), form.text, bound)
            rows = cursor.fetchall()
        except Exception as error:
            base = cast(Any, dialect).loaded_dbapi.Error
            raise cast(Exception, DBAPIError.instance(form.text, None, error, base)) from error
        finally:
            cursor.close()
        return [self._row._make(row) for row in map(form.read, rows)]


class _JsonList(TypeDecorator[Sequence[Any]]):
    """A list as SQLite's json_each reads it; most are empty."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> str:
        return json.dumps(list(value)) if value else "[]"


class among(FunctionElement[bool]):
    """Whether a column has one of the values of the list that is bound to a name: an IN of one text for any list."""

    inherit_cache = True  # and no type: SQLite would be asked whether a Boolean is 1, which no index answers

    def __init__(self, column: ColumnElement[Any], name: str) -> None:
        super().__init__(column, bindparam(name, type_=_JsonList().with_variant(ARRAY(column.type), "postgresql")))


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY ({values})"


@dataclass(frozen=True, slots=True)
class _Form:
    """A question as one database is asked it: the text, and what turns values into its own and back."""

    text: str
    order: Sequence[str] | None  # of the values, where they have no names
    constants: Mapping[str, Any]
    into: Sequence[tuple[str, _Processor]]
    back: Sequence[tuple[int, _Processor]]

    def bind(self, values: Mapping[str, Any]) -> Any:
        bound = {**self.constants, **values}
        for name, process in self.into:
            bound[name] = process(bound[name])
        return bound if self.order is None else [bound[name] for name in self.order]

    def read(self, row: Sequence[Any]) -> Sequence[Any]:
        if not self.back:
            return row
        values = list(row)
        for place, process in self.back:
            values[place] = process(values[place])
        return values


def _compile(select: Any, dialect: Dialect) -> _Form:
    compiled = select.compile(dialect=dialect)
    binds = {name: bind for bind, name in compiled.bind_names.items()}
    state = compiled.construct_expanded_state({name: None for name, bind in binds.items() if bind.required})
    into = ((name, bind.type.dialect_impl(dialect).bind_processor(dialect)) for name, bind in binds.items())
    back = (column.type.dialect_impl(dialect).result_processor(dialect, None) for column in select.selected_columns)
    return _Form(
        state.statement,
        state.positiontup,
        {name: bind.value for name, bind in binds.items() if not bind.required},
        tuple((name, process) for name, process in into if process),
        tuple((place, process) for place, process in enumerate(back) if process),
    )


def portions(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Databases take only so many values in one statement."""
    return (ids[start : start + 1000] for start in range(0, len(ids), 1000))
