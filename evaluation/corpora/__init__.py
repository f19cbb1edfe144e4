"""Where images to measure on come from: folders, tars, the shipped samples."""
