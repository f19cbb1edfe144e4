"""How the training programs end: named errors are a line on stderr, not a traceback.

It knows nothing of what they do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from embeddings.errors import EmbeddingError


def ended(main: Callable[[], None]) -> int:
    """Run ``main``; the exit status: 0, or 1 with the reason on stderr."""
    try:
        main()
    except (EmbeddingError, OSError) as error:
        if isinstance(error, OSError) and error.filename is None:
            raise  # no file to name: not a mistake of the command line
        sys.stderr.write(f"{error}\n")
        return 1
    return 0
