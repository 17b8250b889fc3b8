"""Who asks: signing in, my account, enrolments, programs' keys."""
