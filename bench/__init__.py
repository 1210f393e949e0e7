"""Benches over the whole path: a real ``siyu up``, real HTTP on loopback, a load generator on the same cores.

Each bench proves afterwards that nothing was lost or doubled. Run them with ``siyu bench``.
"""
