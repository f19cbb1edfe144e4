"""Who may come in and with how much: keys, limits, bodies, queues, errors as answers, metrics."""
