"""The whole store at one moment: what a replica follows, and what is wrong with it."""
