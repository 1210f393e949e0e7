"""How busy a day is: festivals of the trade, week-ends, member days. Lunar dates come from a table."""

from datetime import date, timedelta

# Spring Festival, Qixi and Mid-Autumn by Gregorian year (Hong Kong Observatory, Gregorian–lunar calendar tables).
SPRING = {
    2024: date(2024, 2, 10),
    2025: date(2025, 1, 29),
    2026: date(2026, 2, 17),
    2027: date(2027, 2, 6),
    2028: date(2028, 1, 26),
}
QIXI = {
    2024: date(2024, 8, 10),
    2025: date(2025, 8, 29),
    2026: date(2026, 8, 19),
    2027: date(2027, 8, 8),
    2028: date(2028, 8, 26),
}
MID_AUTUMN = {
    2024: date(2024, 9, 17),
    2025: date(2025, 10, 6),
    2026: date(2026, 9, 25),
    2027: date(2027, 9, 15),
    2028: date(2028, 10, 3),
}
ONLINE = frozenset({"mini_program", "tmall", "douyin", "jd", "wechat_shop"})


def busy(day: date, source: str, tea: bool = False) -> float:
    """The day's multiple of an average day, for a channel and for tea or jewellery."""
    factor = 1.7 if day.weekday() >= 5 else 1.0
    factor *= 1.4 if day.day == 8 else 1.0
    factor *= _festival(day, tea)
    if source in ONLINE:
        factor *= _online(day)
    return factor


def _festival(day: date, tea: bool) -> float:
    month_day = (day.month, day.day)
    spring = SPRING.get(day.year)
    out = 1.0
    if spring and timedelta(3) <= spring - day <= timedelta(21):
        out *= 2.1
    if (2, 10) <= month_day <= (2, 14):
        out *= 1.9
    if (3, 5) <= month_day <= (3, 8):
        out *= 1.6
    if tea and (3, 20) <= month_day <= (4, 6):
        out *= 3.0
    if (5, 18) <= month_day <= (5, 20):
        out *= 2.4
    if (qixi := QIXI.get(day.year)) and timedelta(0) <= qixi - day <= timedelta(4):
        out *= 2.3
    if tea and (moon := MID_AUTUMN.get(day.year)) and timedelta(0) <= moon - day <= timedelta(14):
        out *= 2.5
    if (10, 1) <= month_day <= (10, 7):
        out *= 2.0
    return out


def _online(day: date) -> float:
    month_day = (day.month, day.day)
    if month_day in ((11, 1), (11, 11)):
        return 9.0
    if (6, 16) <= month_day <= (6, 18):
        return 3.0
    if (10, 20) <= month_day <= (11, 10):
        return 1.6
    if month_day == (12, 12):
        return 1.5
    return 1.0
