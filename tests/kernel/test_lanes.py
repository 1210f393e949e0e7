"""Who may travel together: nobody overtakes, nobody collides."""

from hypothesis import given
from hypothesis import strategies as st

from siyu.kernel.lanes import rounds


@given(st.lists(st.sets(st.integers(0, 5), max_size=3), max_size=12))
def test_rounds_keep_common_keys_apart_and_in_order(keys):
    groups = list(rounds(keys))
    assert sorted(at for group in groups for at in group) == list(range(len(keys)))
    turn = {at: n for n, group in enumerate(groups) for at in group}
    for a in range(len(keys)):
        for b in range(a + 1, len(keys)):
            if keys[a] & keys[b]:
                assert turn[a] < turn[b]
    if all(not (a & b) for n, a in enumerate(keys) for b in keys[n + 1 :]):
        assert len(groups) == min(1, len(keys))
