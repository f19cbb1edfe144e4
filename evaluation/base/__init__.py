"""What every measurement needs: errors, results, provenance, text for a terminal."""
