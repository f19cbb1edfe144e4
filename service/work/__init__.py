"""What runs beside requests, each job under a lease, so that of many replicas one does it."""
