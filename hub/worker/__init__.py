"""The worker process: RQ's worker, its work-horses, and a sweeper beside it."""
