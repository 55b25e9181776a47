"""``python -m guidance.training``: see `docs/training.md`."""

from guidance.training import main

if __name__ == "__main__":
    main()
