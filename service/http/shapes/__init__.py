"""The JSON of requests and answers, and worked examples of it."""
