"""Commands for what is listed: hash lists and the policies of banks."""
