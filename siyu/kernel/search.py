"""Words for search tables: Chinese by any part of a word, Latin by words.

A search table is ``(brand_id, token, id)`` read by equality, because under row-level security LIKE and
full-text operators do not use indexes. CJK runs become single characters and overlapping pairs, Latin and
digits become lower-case words. A query needs all of its own tokens, where a run of two or more CJK
characters asks for its pairs only.
"""

import re
import unicodedata
from itertools import pairwise

_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af"
_RUN = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+(?:[.\-'][^\W_{_CJK}]+)*")
_IS_CJK = re.compile(rf"[{_CJK}]")
_JOINTS = re.compile(r"[.\-']")
MAX_TOKENS = 400
MAX_TOKEN_LENGTH = 64


def tokens(*texts: str) -> set[str]:
    """Everything that texts can be found by; at most ``MAX_TOKENS``, each at most 64 characters."""
    found: set[str] = set()
    for text in texts:
        for run in _runs(text):
            if _IS_CJK.match(run):
                found.update(run)
                found.update([one + after for one, after in pairwise(run)])
            else:
                found.add(run[:MAX_TOKEN_LENGTH])
                if not run.isalnum():
                    found.update([part[:MAX_TOKEN_LENGTH] for part in _JOINTS.split(run) if part])
            if len(found) >= MAX_TOKENS:
                return set(sorted(found)[:MAX_TOKENS])
    return found


def wanted(query: str) -> list[str]:
    """The tokens that a query asks for: all of them must be there. Empty when there is nothing to look for."""
    asked: list[str] = []
    for run in _runs(query[:200]):
        if _IS_CJK.match(run) and len(run) > 1:
            asked += [run[i : i + 2] for i in range(len(run) - 1)]
        else:
            asked.append(run[:MAX_TOKEN_LENGTH])
    return list(dict.fromkeys(asked))[:20]


def _runs(text: str) -> list[str]:
    return _RUN.findall(unicodedata.normalize("NFKC", text).lower())
