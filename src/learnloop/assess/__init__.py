"""assess: a bank of questions and a learner's answers in, mastery of every concept of a course out."""
