"""The only package that opens sockets; everything else asks it through ``net.base``."""
