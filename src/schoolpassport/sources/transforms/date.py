"""Dates as districts write them. A value that two of the given formats read differently is not guessed at."""

import re
from collections.abc import Mapping
from typing import Any

from schoolpassport.kit.columns import literal
from schoolpassport.sources.transforms.shape import (
    UNREADABLE,
    Example,
    Given,
    Made,
    Parameter,
    Transform,
    Wanted,
    kept_or_cleared,
)

_SIGNS = {"YYYY": "%Y", "YY": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "DD": "%d", "D": "%d"}
_FORMAT = re.compile("|".join(_SIGNS))
_YEARS = "BETWEEN 1900 AND 2100"  # a year of two digits read as one of four is the year 10


def _sql(cell: str, given: Given) -> Made:
    read = [f"try_strptime({cell}, {literal(_strptime(f))})::DATE" for f in given.texts("formats")]
    dates = f"list_distinct(list_filter([{', '.join(read)}], lambda d: year(d) {_YEARS}))"
    return Made(
        value=f"CASE WHEN len({dates}) = 1 THEN strftime({dates}[1], '%Y-%m-%d') "
        f"ELSE {kept_or_cleared(cell, given)} END",
        unread=f"len({dates}) <> 1",
    )


def _strptime(wanted: str) -> str:
    return _FORMAT.sub(lambda found: _SIGNS[found[0]], wanted)


def _refuses(values: Mapping[str, Any]) -> str:
    for wanted in values["formats"]:
        signs = sorted(sign[0] for sign in _FORMAT.findall(wanted))
        if signs != ["D", "M", "Y"] or re.search(r"[%A-Za-z]", _FORMAT.sub("", wanted)):
            return (
                f"“{wanted}” is no format of a date. Write the day as D or DD, the month as M, MM, MMM (Sep) or MMMM "
                "(September), the year as YYYY or YY, once each, like DD/MM/YYYY."
            )
    return ""


TRANSFORM = Transform(
    name="date",
    sentence="Reads a date in one of several formats and writes it as 2026-09-01. A value that fits two of them with "
    "different results cannot be read, nor can a year before 1900 or after 2100.",
    parameters=(
        Parameter(
            name="formats",
            sentence="such as DD/MM/YYYY, M/D/YY, D. MMMM YYYY; YY is 1969 to 2068, names of months are English",
            wanted=Wanted.TEXTS,
            required=True,
        ),
        UNREADABLE,
    ),
    sql=_sql,
    refuses=_refuses,
    examples=(
        Example(given="31/12/2010", values={"formats": ["DD/MM/YYYY"]}, becomes="2010-12-31"),
        Example(given="9/1/10", values={"formats": ["M/D/YY"]}, becomes="2010-09-01"),
        Example(given="1 Sep 2010", values={"formats": ["D MMM YYYY", "YYYY-MM-DD"]}, becomes="2010-09-01"),
        Example(
            given="03/04/2010", values={"formats": ["DD/MM/YYYY", "MM/DD/YYYY"]}, becomes="03/04/2010", unread=True
        ),
        Example(given="04/04/2010", values={"formats": ["DD/MM/YYYY", "MM/DD/YYYY"]}, becomes="2010-04-04"),
        Example(given="31/12/10", values={"formats": ["DD/MM/YYYY"]}, becomes="31/12/10", unread=True),
        Example(given="soon", values={"formats": ["YYYYMMDD"], "unreadable": "clear"}, becomes=None, unread=True),
    ),
)
