"""From distances to metrics with intervals: pure functions of counts and scores."""
