"""How much work there may be: what requests weigh, how many a key may send, and what waits."""
