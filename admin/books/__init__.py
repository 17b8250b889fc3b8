"""What people do about transactions and differences, and their signatures."""
