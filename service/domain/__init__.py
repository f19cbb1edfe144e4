"""The words of the service as pure values: signals, banks, entries, lists, searches, errors."""
