"""Stage ``netns``: the lab on real packets, in network namespaces of its own."""
