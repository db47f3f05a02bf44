"""The finished parts of Transformer Internals, one module per notebook. Generated: edit solutions/."""
