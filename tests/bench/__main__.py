"""`python -m tests.bench`. Spawned servers import this module again: what it imports would count as their memory."""

if __name__ == "__main__":
    from .measuring import main

    main()
