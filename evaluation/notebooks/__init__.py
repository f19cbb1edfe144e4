"""What the notebooks start from, and the program that executes them."""
