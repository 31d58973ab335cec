"""``python -m facekit``."""

from facekit.cli.main import main

if __name__ == "__main__":
    main()
