"""A façade shaped as Arachnid Shield under ``/shield``: its clients change their URL.

It answers from our banks alone: nothing is asked of anybody else.
"""
