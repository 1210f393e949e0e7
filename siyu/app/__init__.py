"""Wires all modules into the web process, the worker and the command line."""
