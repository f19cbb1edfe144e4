"""The compiled inner loops: plain functions over arrays, machine code on the user's machine."""
