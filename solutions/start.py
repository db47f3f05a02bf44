# %% [markdown]
# # Transformer Internals: start here
#
# You will build a transformer from nothing, part by part, and know within seconds of writing each part whether it is
# right. No file but yours is written to here: everything in this folder is your own copy.
#
# ## How a notebook works
#
# Each exercise is a cell that ends in `raise NotImplementedError()`. Write your code in place of that line, then run
# the cell: **click into it and press Shift + Enter**. Then run the checks below it, the cells that begin with
# `with check(…)`. Each says in one line that all is well, or what is wrong, where, and which idea to think of again:
#
#     ✗ causal_mask: a query sees itself and the past, nothing later
#       at [0, 1] expected False, got True   (6 of 16 entries differ)
#       hint: rows are queries, columns are keys: keep the lower triangle, diagonal included
#
# - Run the cells from the top. After a break, run again what stands above the place where you left off: *Run*, *Run All
#   Above Selected Cell*.
# - Hints are folded, in three steps. The first never gives the answer away.
# - Stars and minutes beside an exercise are its authors' estimate for someone who has done the notebook before it.
# - Stuck, or short of time? Go on. A later notebook uses your parts where they pass their checks, and lends you the
#   course's where they do not.
# - Questions in words at the end of a notebook are read by a person, if there is one who teaches you.
#
# ## Is this machine fit for it?
#
# Run the next cell: click into it and press Shift + Enter.

# %%
from autograder import machine

machine.check()

# %% [markdown]
# ## How far you are
#
# Run this one whenever you like. It tries your answers, as they are saved, against the course's checks; what it has
# tried once it remembers. At the end of each notebook a cell says the same of that notebook, exercise by exercise.

# %%
from autograder import progress

progress.course()

# %% [markdown]
# **Begin with [backprop](01-neural-networks/backprop.ipynb)**, or open any other notebook in the panel on the left: the
# folders are in teaching order.
#
# ## When you need it
#
# In a terminal, in the folder of the course (in `.venv/bin/`, if your shell does not find `course`):
#
# | | |
# |---|---|
# | `course progress multi_head` | how far you are in a notebook; without a name, in the course |
# | `course check work/03-attention/multi_head.ipynb` | all checks of a notebook, run from its top |
# | `course reset multi_head` | begin a notebook again; yours is kept in `copies/`, with the date in its name |
# | `course update` | after `git pull`: the course's new version of your notebooks, your answers in them |
# | `course data` | the models and texts that notebooks fetch, to have them before a journey |
