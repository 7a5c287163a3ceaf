"""Evidence handed to others: records with all that is needed to verify them anew, without this hub."""
