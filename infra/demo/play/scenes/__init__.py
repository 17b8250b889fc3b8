"""One file an exception that is played from its signal to its rows in the ERP."""
