"""What we say to people: a pure renderer and the texts of every channel."""
