"""The training of the imagery network: what tells photographs from the rest."""
