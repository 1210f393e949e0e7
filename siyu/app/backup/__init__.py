"""Backups of the whole house: taken, kept encrypted with the log behind them, watched over, let go. See README.md."""
