"""Become another program that does not outlive the process which asked for it.

A script, never imported: ``python -I -S leash.py PARENT SIGNAL UID GID PROGRAM ARGUMENT…``. It lives for some
milliseconds between fork and exec. Doing this here rather than in a ``preexec_fn`` keeps Python code out of the
forked copy of a process with threads (documented as unsafe), and it has to come after the change of user, because
Linux forgets the parent-death signal when credentials change (prctl(2), PR_SET_PDEATHSIG).
"""

import ctypes  # before the change of user: Python's own files may lie where the new user cannot read
import os
import sys

PR_SET_PDEATHSIG = 1


def become(parent: int, death_signal: int, uid: int, gid: int, program: list[str]) -> None:
    """Drop to ``uid``/``gid`` (-1 keeps the user), follow ``parent`` into death, and be ``program``.

    Exits with status 70 when the parent is already gone. Elsewhere than on Linux the program may outlive its
    parent; the next start clears it away then.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux" and libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        sys.exit(f"leash: prctl failed with errno {ctypes.get_errno()}")
    if os.getppid() != parent:
        sys.exit(70)
    os.execv(program[0], program)  # noqa: S606  # the program is chosen by our own code


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:5]]
    try:
        become(numbers[0], numbers[1], numbers[2], numbers[3], sys.argv[5:])
    except OSError as error:
        sys.exit(f"leash: cannot become {sys.argv[5]} as uid {numbers[2]}: {error}")
