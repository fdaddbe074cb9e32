# The compiled build of questions.py needs no C types.
