"""The internet of the lab: what answers in the namespace behind the censor."""
