"""From a file's bytes to checked RGB pixels: headers, limits, decoding, colour."""
