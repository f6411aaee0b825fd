"""What a file of each type is made of, read from its own bytes: nothing is unpacked or decoded, nothing is copied."""
