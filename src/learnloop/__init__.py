"""Learnloop: course pages and learner activity in, each learner's next best step out."""
