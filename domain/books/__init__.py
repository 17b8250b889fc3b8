"""What is written into the ERP and the MES: outcomes, and the life of a transaction."""
