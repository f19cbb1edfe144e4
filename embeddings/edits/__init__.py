"""Image edits as people make them, for measuring a matcher and for training one.

Every edit is a function of an RGB ``PIL.Image`` that returns a new RGB image and leaves its
argument alone. Edits that draw at random take a ``numpy.random.Generator`` and are deterministic
given its state; edits that need a second picture take it as ``other``. Any size from 1×1 up is
accepted. The modules:

geometry     crop, rotate, mirror, perspective, squash, resize, border, letterbox
colour       brightness, contrast, saturation, hue, gamma, inversion, greyscale, sepia, posterise
filters      blur, sharpen, noise, pixelation
compression  JPEG, WebP, AVIF
text         captions, meme bands, watermarks
stickers     emoji-like stickers, scribbles, redaction bars
screens      screenshots of a chat, a gallery, a browser, a feed
compose      paste onto another image, side by side, collage, blend
render       halftone, moiré of a photographed screen, smoothing, palettes, sketches
drawings     recolouring, line weight, fill swaps, background removal
choices      random edits, each with its weights and range; sampling chains them, for training

The package knows nothing of files, corpora or networks.
"""
