"""From checked images to codes: the checkpoint, preparing an image, running the network."""
