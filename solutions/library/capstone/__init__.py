"""The capstone's trainer: a transformer made of the course's parts, or of yours, from a text file to a model card.

    python -m internals.capstone --config cpu --text my.txt

Data flows one way: config → text → model → optimizer → train, which writes checkpoints, a log, a plot and a card.
"""
