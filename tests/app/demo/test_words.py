import re

import pytest

from siyu.app.demo.range import FAMILIES
from siyu.app.demo.words import english

CHINESE = re.compile(r"[\u3000-\u9fff\uff00-\uffef]")


def test_every_product_of_the_range_is_described_in_english():
    rows = [row for family in FAMILIES for row in family.rows]
    assert len(rows) == 120
    left = {row[2] for row in rows if CHINESE.search(english(row[2]) + row[1])}
    assert left == set()


def test_weights_and_places_are_put_together_from_their_parts():
    assert english("足金 999，一对约 7.8 g") == "Fine gold 999, a pair of about 7.8 g"
    assert english("福鼎，357 g") == "Fuding, 357 g"
    with pytest.raises(KeyError):
        english("没有人译过")
