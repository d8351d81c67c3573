"""Texts as hypothesis makes them: pieces of SQL in any order, and anything at all."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.unit.sql.corpus import queries, utilities

CORPUS = [*queries(), *(sql for _, sql in utilities())]

PIECES = r"""
select from where join on using , , ( ( ) ) [ ] . ; :: := .. ... = <> - + * / ? ?| -> ->> @> || => < >= insert
into values update set delete merge with recursive as as not materialized table only lateral rows in array any
between and or is distinct null true like limit offset union all order by group having window over filter
returning on conflict do nothing explain analyze ( alter role password create begin atomic end case when then
else cast extract interval date timestamp time zone for copy execute a b t orders public hunter2password Users
éè x1 a1 a$b _ $1 $2 $17 1 2.5 .5 1e-3 0x1F 1_000 1.e 9e 'a' 'it''s' '' E'a\'b' e'\\' U&'d\0061' U&"d\0061"
U&"\zzzz" B'1' x'1F' N'n' $$a$$ $t$a$$b$t$ "a" "Order" "a""b" "two_words" "?" ' " $ $$ $t$ E' U&' \ /* */ /**/
-- % @ # ~ ` & ^ { }
"""
SPACES = ("", " ", " ", "\n", "\t", " /* c */ ", " -- c\n", "/*/**/*/", "\x00", "\u00a0", "\ud800")

pieces = st.sampled_from([*PIECES.split(), "two words", '"two words"', "'a\nb'"])
made = st.lists(st.tuples(pieces, st.sampled_from(SPACES)), max_size=40).map(
    lambda found: "".join(piece + space for piece, space in found)
)
anything = st.text(st.characters(), max_size=60)
cut = st.tuples(st.sampled_from(CORPUS), st.integers(0, 400)).map(lambda found: found[0][: found[1]])

texts = st.one_of(made, anything, cut)
"""Any text that a server, or a bug, could hand over."""
