"""What people are asked and answer: messages, tasks, words."""
