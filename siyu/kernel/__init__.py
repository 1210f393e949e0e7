"""What every module stands on: database, events, time, ids, money, files, jobs, http."""
