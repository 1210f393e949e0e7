"""A statement as a table for people: names in the reader's language, and no amount twice in a column."""

import csv
import io

from siyu.app.ledger.wire import LocaleText, StatementLineOut, StatementOut
from siyu.kernel.cells import cell
from siyu.kernel.money import MINOR_DIGITS, to_text

_HEADS = {
    "zh-CN": ("币种", "账户", "所属", "余额方向", "事由", "期初", "借方", "贷方", "期末", "账户代码", "事由代码"),
    "en": ("Unit", "Account", "Owner", "Grows on", "What for", "Opening", "Debit", "Credit", "Closing", "Account code", "Posting code"),
}  # fmt: skip
_WORDS = {
    "zh-CN": {"opening": "期初余额", "closing": "期末余额", "debit": "借方", "credit": "贷方"},
    "en": {
        "opening": "Opening balance",
        "closing": "Closing balance",
        "debit": "Debit",
        "credit": "Credit",
    },
}


def csv_of(statement: StatementOut, locale: str) -> bytes:
    """UTF-8 with its mark, as spreadsheets want it. An account's rows: its opening, a row per kind of posting, its closing."""
    locale = locale if locale in _HEADS else "zh-CN"
    file = io.StringIO()
    out = csv.writer(file)
    out.writerow(_HEADS[locale])
    for line in statement.lines:
        out.writerows(_rows(line, locale))
    return b"\xef\xbb\xbf" + file.getvalue().encode()


def _rows(line: StatementLineOut, locale: str) -> list[list[str]]:
    words, account = _WORDS[locale], line.account
    own = [line.unit, _named(account.title, locale), account.owner, words[line.side]]

    def row(what: str, amounts: tuple[int | None, ...], code: str) -> list[str]:
        shown = ["" if one is None else _amount(one, line.unit) for one in amounts]
        return [*map(cell, [*own, what]), *shown, cell(account.kind), cell(code)]

    moves = [
        row(_named(move.title, locale), (None, move.debit, move.credit, None), move.kind)
        for move in line.movements
    ]
    opening = row(words["opening"], (line.opening, None, None, None), "")
    return [opening, *moves, row(words["closing"], (None, None, None, line.closing), "")]


def _named(title: LocaleText, locale: str) -> str:
    return title.get(locale) or title.get("en") or ""


def _amount(value: int, unit: str) -> str:
    return to_text(value, unit) if unit in MINOR_DIGITS else str(value)
