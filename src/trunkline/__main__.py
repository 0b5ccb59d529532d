"""`python -m trunkline` is the command line."""

from trunkline.cli.main import main

if __name__ == "__main__":
    main()
