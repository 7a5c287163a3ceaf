"""What the connectors that speak with mail servers share: SMTP, IMAP, addresses, answers, the words of a notice."""
