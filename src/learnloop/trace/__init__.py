"""trace: answer histories in, P(correct) and mastery per concept out, with its uncertainty."""
