"""What a step of training looks at: images, their copies, and pages with a picture on them."""
