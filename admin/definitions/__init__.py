"""From a draft to a version that is in force."""
