"""The finished parts of Transformer Internals, a module per notebook. Generated: edit solutions/."""

NOTEBOOKS = {  # in teaching order: name, and the module that it belongs to
    "backprop": "01-neural-networks",
    "optimizers": "01-neural-networks",
    "convolutions": "01-neural-networks",
    "tokenization": "02-text",
    "language_models": "02-text",
    "scaled_dot_product": "03-attention",
    "multi_head": "03-attention",
    "positional_encoding": "03-attention",
    "feed_forward": "04-blocks",
    "layer_norm_comparison": "04-blocks",
    "transformer_full": "05-transformers",
    "bert": "05-transformers",
    "gpt": "05-transformers",
    "llama": "05-transformers",
    "t5_and_sharing": "05-transformers",
    "objectives": "06-training",
    "training_loop": "06-training",
    "distributed": "06-training",
}
