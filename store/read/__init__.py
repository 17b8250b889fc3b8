"""Reading: questions to the tables, for everybody above."""
