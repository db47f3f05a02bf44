"""The finished parts of Transformer Internals, a module per notebook. Generated: edit solutions/."""
