"""The worker process against real Redis and PostgreSQL: what dies, hangs or forgets delays and never loses."""
