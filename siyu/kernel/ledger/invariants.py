"""What must always be true of the ledger."""

from siyu.kernel.checks import invariant


@invariant(
    "ledger.accounts",
    sentence={
        "zh-CN": "每一笔分录的两个账户都存在，单位也一致。",
        "en": "Both accounts of every posting exist and are kept in its unit.",
    },
)
def accounts() -> str:
    """Postings to or from accounts that are not there, or kept in another unit."""
    return """
    select p.id, p.key, p.source, p.destination, p.unit from ledger_postings p
    left join ledger_accounts s on s.id = p.source and s.unit = p.unit
    left join ledger_accounts d on d.id = p.destination and d.unit = p.unit
    where s.id is null or d.id is null
    """


@invariant(
    "ledger.balances",
    sentence={
        "zh-CN": "有限额账户的余额与冻结额，等于其分录之和。",
        "en": "The balances of accounts with limits, and what is held of them, are the sums of their postings.",
    },
)
def balances() -> str:
    """Guarded accounts whose balance differs from their postings."""
    return """
    select coalesce(b.account_id, p.account_id) as account_id, b.posted, b.held, p.posted as postings, p.held as pending
    from ledger_balances b
    full join (
        select s.account_id, sum(s.posted) as posted, sum(s.held) as held
        from (select source as account_id, case when state = 'posted' then -amount else 0 end as posted,
                     case when state = 'pending' then amount else 0 end as held from ledger_postings
              union all
              select destination, amount, 0 from ledger_postings where state = 'posted') s
        join ledger_accounts a on a.id = s.account_id and a.id <> a.book
        group by s.account_id
    ) p on p.account_id = b.account_id
    where coalesce(b.posted, 0) <> coalesce(p.posted, 0) or coalesce(b.held, 0) <> coalesce(p.held, 0)
    """


@invariant(
    "ledger.roll_ups",
    sentence={
        "zh-CN": "各账户按小时的汇总，等于已汇总的分录之和；借贷总额相等。",
        "en": "Roll-ups are the sums of the postings they stand for, and debits equal credits.",
    },
)
def roll_ups() -> str:
    """Hours of books whose roll-up differs from the postings before the cursor."""
    return """
    select coalesce(r.account_id, p.account_id) as account_id, coalesce(r.kind, p.kind) as kind,
           coalesce(r.hour, p.hour) as hour, r.debit, r.credit, p.debit as postings_debit, p.credit as postings_credit
    from ledger_roll_ups r
    full join (
        select a.book as account_id, s.kind, s.hour, sum(s.debit) as debit, sum(s.credit) as credit
        from (select source as account_id, kind, date_trunc('hour', booked_at, 'UTC') as hour, amount as debit, 0 as credit
              from ledger_postings where state = 'posted' and tx < (select hi from ledger_cursors)
              union all
              select destination, kind, date_trunc('hour', booked_at, 'UTC'), 0, amount
              from ledger_postings where state = 'posted' and tx < (select hi from ledger_cursors)) s
        join ledger_accounts a on a.id = s.account_id
        group by a.book, s.kind, s.hour
    ) p on p.account_id = r.account_id and p.kind = r.kind and p.hour = r.hour
    where coalesce(r.debit, 0) <> coalesce(p.debit, 0) or coalesce(r.credit, 0) <> coalesce(p.credit, 0)
    """


@invariant(
    "ledger.limits",
    sentence={
        "zh-CN": "只有冲正能让有限额的账户低于零，且不低过冲正的金额。",
        "en": "Only reversals leave an account with a limit below zero, and by no more than they took.",
    },
)
def limits() -> str:
    """Guarded accounts that are further below zero than reversals took from them."""
    return """
    select b.account_id, b.kind, b.owner, b.posted, b.held from ledger_balances b
    cross join lateral (select coalesce(sum(p.amount), 0) as taken from ledger_postings p
                        where p.source = b.account_id and p.reverses is not null and p.state = 'posted') r
    where b.posted - b.held < -r.taken
    """


@invariant(
    "ledger.reversals",
    sentence={
        "zh-CN": "冲正不超过原分录。",
        "en": "No more is taken back of a posting than it was.",
    },
)
def reversals() -> str:
    """Postings of which more was taken back than there was."""
    return """
    select p.id, p.key, p.amount, sum(r.amount) as taken_back
    from ledger_postings r join ledger_postings p on p.id = r.reverses
    group by p.id, p.key, p.amount having sum(r.amount) > p.amount
    """
