"""What comes in without a vendor's signature: sources are read, providers' calls answered, what they say taken in."""
