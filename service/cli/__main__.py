"""``python -m service.cli``: the console script without needing it on the path."""

from service.cli import main

main()
