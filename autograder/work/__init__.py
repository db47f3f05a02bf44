"""A student's folder, `work/`: dated copies, a notebook begun again, a new version of the course brought in."""
