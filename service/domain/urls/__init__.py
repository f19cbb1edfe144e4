"""URLs as lists name them and as people disguise them: one form for all spellings, rules, and keys.

It knows text; no list, no store, no index. The URL standard is ``can_ada``'s, the public suffixes
are ``publicsuffixlist``'s.
"""
