"""What every part of the store stands on: the connection, the tables, seals, layouts, leases."""
