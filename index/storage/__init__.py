"""How any index keeps its rows: segments and the newest rows, merged, saved, looked after."""
