"""总账 – the ledger: every amount goes from one account to another, so the books always sum to zero."""

from siyu.kernel.ledger import invariants, rolling
from siyu.kernel.ledger.kinds import (
    Account,
    AccountKind,
    Posting,
    PostingKind,
    Wallet,
    account_kinds,
    declare_account,
    declare_posting,
    posting_kinds,
)
from siyu.kernel.ledger.posting import Part, Posted, book_on, post_on
from siyu.kernel.ledger.reading import (
    Book,
    Chosen,
    Flow,
    Held,
    Line,
    Moved,
    books,
    flows,
    lines_by_id,
    lines_by_key,
    moved,
    page_of_lines,
    wallet_on,
)
from siyu.kernel.ledger.rolling import roll_up_on
from siyu.kernel.ledger.rules import AlreadySettled, KeyReused, Overdrawn, ReversedTooMuch
from siyu.kernel.ledger.settling import Reversal, Settling, expire_on, reverse_on, settle_on

__all__ = [
    "Account",
    "AccountKind",
    "AlreadySettled",
    "Book",
    "Chosen",
    "Flow",
    "Held",
    "KeyReused",
    "Line",
    "Moved",
    "Overdrawn",
    "Part",
    "Posted",
    "Posting",
    "PostingKind",
    "Reversal",
    "ReversedTooMuch",
    "Settling",
    "Wallet",
    "account_kinds",
    "book_on",
    "books",
    "declare_account",
    "declare_posting",
    "expire_on",
    "flows",
    "invariants",
    "lines_by_id",
    "lines_by_key",
    "moved",
    "page_of_lines",
    "post_on",
    "posting_kinds",
    "reverse_on",
    "roll_up_on",
    "rolling",
    "settle_on",
    "wallet_on",
]
