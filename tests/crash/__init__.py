"""Kills the parts of a gateway at every named instant and at random ones, and checks what must hold afterwards."""
