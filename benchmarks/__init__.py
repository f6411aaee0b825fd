"""How fast the gateway is, as ratios to a reference measured beside it; `make bench` prints them."""
