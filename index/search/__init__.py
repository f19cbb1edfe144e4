"""How one state is searched: by tables or by a scan, one query or many, radius or nearest."""
