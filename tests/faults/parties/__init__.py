"""Who else deals with the hub beside the vendor that publishes: each keeps account of what it asked and was told."""
