"""PostgreSQL and Redis as they are: private servers that tests start, kill, freeze and start again."""
