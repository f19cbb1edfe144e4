"""From the kernels' sources to loaded machine code: declared, lowered, compiled, kept, called."""
