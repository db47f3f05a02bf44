"""Automatic mutants: each reference solution changed in one small way, many times; the checks must notice every change.

The hand-written wrong answers of an answers file are the mistakes that its author thought of. These are the others.

What is general (numbers, comparisons, arithmetic, conditions, loops) is done by the operators of cosmic-ray (MIT,
Python 3.9 to 3.13). They are documented as plugins and work on source text without its runner (`library`). Those of
mutmut put None for every argument and every assigned value, most of which only raises; MutPy declares support up to
Python 3.7. None of the three knows an axis, a transpose, a mask or a gradient: those operators are ours, on `ast`
(`arithmetic`, `calls`, `indices`, `statements`).

    make      the mutants of one exercise: which, in which order, under which names
    excuses   survivors that an answers file accounts for
    trial     each mutant against the checks, as a class is graded
    record    what was tried and what came of it, with a hash of all that decides it
"""
