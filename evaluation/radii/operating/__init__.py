"""From distances to an operating point, and from there to a bank policy file.

gathering  distances of true pairs, and counts of untrue ones by groups of images, one space each
tails      false rates below what the pairs can show, extrapolated with stated uncertainty
curves     recall and false rate at every radius, measured or extrapolated; expected false alerts
choice     the largest radius that keeps to a rate, and what it finds
policy     the file that ``lookalike policy`` reads
"""
